/** What a model is shown: who it is, where it works, what it may use, and results it can tell from instructions. */
import { join } from "node:path";
import { canonicalize, type Json } from "../core/canonical.ts";
import type { Message, ToolOffer, ToolRequest } from "../define/provider.ts";
import { workspaceNotes } from "../context/notes.ts";
import { chooseOffers } from "../context/offers.ts";
import { readPersona } from "../context/persona.ts";
import { systemPrompt } from "../context/prompt.ts";
import { newDelimiter, presentMessages, presentResult } from "../context/result.ts";
import { listSkills } from "../context/skills.ts";
import { mayHold } from "../policy/decide.ts";
import { withinCovers } from "../policy/within.ts";
import { offerOf, usable } from "./catalogue.ts";
import type { Conversing } from "./converse.ts";
import type { Answer } from "./drive.ts";
import type { LoopLimits } from "./journal.ts";
import type { Model } from "./model/client.ts";
import { workspaceRoot } from "./place.ts";
import { systemPrompt as offlinePrompt } from "./prompt.ts";
import type { RunRequest } from "./run-request.ts";
import type { Speaker } from "./talk.ts";

export interface Context {
  readonly system: string;
  /** What the workspace itself has to say: never in the system prompt, since agents can write it. */
  readonly notes: readonly Message[];
  readonly sha256: Readonly<Record<string, string>>;
  /** What the operator wrote of it. */
  readonly persona: readonly string[];
}

export async function contextOf(talk: Conversing, model: Model, request: RunRequest): Promise<Context> {
  const { config, keeper } = talk.parts;
  const { home } = keeper;
  const workspace = workspaceRoot(home, config);
  const agent = request.principal.kind === "agent" ? request.principal.name : "operator";
  const offers = await grantedOffers(talk);
  if (model.provider === "offline") {
    return { system: offlinePrompt({ agent, workspace, tools: offers }), notes: [], sha256: {}, persona: [] };
  }
  const persona = readPersona(join(home.agents, agent), config.context.persona_bytes);
  const notes = workspaceNotes(workspace, config.context.persona_bytes);
  const skills = listSkills(skillPlaces(talk)).skills;
  const hidden = chooseOffers(offers, config.context.tool_bytes).hidden.length;
  return {
    system: systemPrompt({
      agent,
      workspace,
      persona,
      skills,
      dry_run: request.dry_run === true,
      hidden_tools: hidden,
      sub_agent: talk.parent !== undefined,
    }),
    persona: persona.map(({ text }) => text),
    notes: notes ? [{ role: "user", content: notes.text }] : [],
    sha256: Object.fromEntries([
      ...persona.map(({ name, sha256 }) => [name, sha256] as const),
      ...(notes?.sha256 ? [["AGENTS.md", notes.sha256] as const] : []),
      ...skills.map(({ name, sha256 }) => [`skills/${name}`, sha256] as const),
    ]),
  };
}

function skillPlaces({ parts }: Conversing) {
  const { home } = parts.keeper;
  return { adopted: join(home.state, "skills"), workspace: join(workspaceRoot(home, parts.config), "skills") };
}

export async function speakerOf({
  talk,
  model,
  limits,
  schema,
  history,
  images,
}: {
  readonly talk: Conversing;
  readonly model: Model;
  readonly limits: LoopLimits;
  readonly schema: Json | null;
  readonly history: readonly Message[];
  readonly images: NonNullable<RunRequest["images"]>;
}): Promise<Speaker> {
  const offers = await grantedOffers(talk);
  const base = { model, schema, prompt: { history, images } };
  if (model.provider === "offline") {
    return {
      ...base,
      offers: () => offers,
      present: (messages) => messages,
      result: (_, answer) => rawContent(answer),
    };
  }
  const delimiter = newDelimiter();
  const { offered, hidden } = chooseOffers(offers, talk.parts.config.context.tool_bytes);
  return {
    ...base,
    offers: (found) => [...offered, ...hidden.filter(({ name }) => found.has(name))],
    present: (messages) => presentMessages(messages, limits),
    result: (request, answer) => shownResult(request, answer, delimiter, limits),
  };
}

function shownResult(request: ToolRequest, answer: Answer, delimiter: string, limits: LoopLimits): string {
  const { id: call_id, tool } = request;
  return presentResult({ tool, call_id, ok: answer.ok, content: rawContent(answer) }, delimiter, limits);
}

function rawContent(answer: Answer): string {
  if (answer.ok) return canonicalize(answer.output);
  const { message, hint } = answer.fault;
  return canonicalize({ code: answer.code, message, ...(hint === undefined ? {} : { hint }) });
}

/** Tools the agent holds some grant for and that can be used here; what Reeve itself is changed by is never offered. */
async function grantedOffers({ request, catalogue, door, parts, parent }: Conversing): Promise<readonly ToolOffer[]> {
  const policy = door.policy();
  const now_ms = parts.keeper.clock.now();
  const links = parent ? [...parent.run.links, parent.link] : [];
  const held = catalogue.tools.filter(({ effect, capability }) => {
    if (effect === "control" || !mayHold(policy, request.principal, capability, now_ms)) return false;
    return links.every(
      (link) =>
        mayHold(policy, link.principal, capability, now_ms) &&
        (link.within === null || withinCovers(link.within, capability)),
    );
  });
  return (await usable(held, door.walls)).map(offerOf);
}
