/** The words of an answer, made from a plan and its results by templates: what was found, what failed, what was left. */
import { canonicalize, isJsonObject, type Json, parseJson } from "../../core/canonical.ts";
import type { Message, ToolOffer, ToolRequest } from "../../define/provider.ts";
import type { Details } from "./extract.ts";
import { exampleOf } from "./fields.ts";
import { type JsonObject, keyValues, line, plural, textAt } from "./format.ts";
import { healthText, networkText, queryText, servicesText } from "./machine.ts";
import { maxCalls, maxClauses, maxRequestLength, type Plan } from "./plan.ts";
import {
  configText,
  fileText,
  listText,
  metricsText,
  policyText,
  runsText,
  runText,
  searchText,
  secretsText,
  timeText,
} from "./records.ts";

export type ToolResult = Extract<Message, { readonly role: "tool" }>;

type Template = (output: JsonObject, details: Details, input: Json) => string | undefined;

const templates: Readonly<Record<string, Template>> = {
  "system.health": healthText,
  "system.query": queryText,
  "system.discover": servicesText,
  "network.info": networkText,
  "time.now": timeText,
  "fs.list": listText,
  "fs.read": fileText,
  "code.search": (output, details, input) => searchText(output, input, details.pattern),
  "config.get": configText,
  "policy.list": policyText,
  "run.list": runsText,
  "run.get": runText,
  "metrics.get": metricsText,
  "secrets.list": secretsText,
};

const offline = "Offline, no model is configured";

/** The answer when calls were made. `requests` are those of the conversation, in the order of the plan's calls. */
export function answerFrom(plan: Plan, requests: readonly ToolRequest[], results: readonly ToolResult[]): string {
  const sections = requests.map((request, i) => {
    const result = results.find((each) => each.call_id === request.id);
    return result ? section(request, result, plan.calls[i]?.details) : `${request.tool} gave no result.`;
  });
  const used = requests.map((request) => {
    const result = results.find((each) => each.call_id === request.id);
    const call = `${request.tool} ${canonicalize(request.arguments)}`.replace(/ \{\}$/u, "");
    return line(result?.ok ? call : `${call} (failed)`);
  });
  const footer = `${offline}: this answer is put together from the results of tools. Used: ${used.join(", ")}.`;
  return [...sections, ...remarks(plan), footer].join("\n\n");
}

/** The answer when no call was made: why, and what would work. */
export function answerWithout(plan: Plan): string {
  const parts = [reason(plan), ...remarks(plan), plan.missing.length > 0 ? "" : suggestions(plan.nearest)];
  return parts.filter((part) => part !== "").join("\n\n");
}

function reason(plan: Plan): string {
  if (plan.problem === "empty") return `${offline}: there is no question in the request, so no tool was called.`;
  if (plan.problem === "too_long") {
    return `${offline}: a request this long (over ${maxRequestLength} characters or ${maxClauses} clauses) is not taken apart without a model, so no tool was called. Ask shorter.`;
  }
  if (plan.refusal?.kind === "act") {
    return `${offline}: the request asks for an act ("${line(plan.refusal.verb)}"). Without a model only questions are answered; nothing was called and nothing was changed. To act, name the tool and its input yourself.`;
  }
  if (plan.refusal?.kind === "model") {
    return `${offline}: "${line(plan.refusal.verb)}" needs a model, so no tool was called. Set model.provider to use one.`;
  }
  if (plan.missing.length > 0) return `${offline}: the request leaves something out, so no tool was called.`;
  return `${offline}: none of the tools that may be used here fits the request, so none was called.`;
}

function remarks(plan: Plan): readonly string[] {
  const asked = plan.calls.length > 0;
  return [
    ...plan.missing.map(
      ({ offer, field }) =>
        `${offer.name} needs "${field.name}", and the request does not say it. For example: ${directive(offer)}`,
    ),
    ...(asked && plan.unmatched.length > 0
      ? [
          `Not answered, because no tool that may be used here fits: ${plan.unmatched.map((each) => `"${excerpt(each)}"`).join(", ")}.`,
        ]
      : []),
    ...(plan.left_out > 0
      ? [
          `At most ${maxCalls} tools are called for one request; ${plural(plan.left_out, "call")} more would be needed. Ask for the rest separately.`,
        ]
      : []),
    ...plan.notes.map((note) => `Note: ${line(note)}.`),
  ];
}

function suggestions(nearest: readonly ToolOffer[]): string {
  const [first] = nearest;
  if (!first) return "";
  const few = nearest.length <= 3;
  const listed = nearest.map(
    (offer) => `- ${offer.name}: ${line(offer.summary)}${few ? `\n  ${directive(offer)}` : ""}`,
  );
  const title = few ? "The nearest tools:" : "Tools that answer questions here:";
  return `${title}\n\n${listed.join("\n")}${few ? "" : `\n\nFor example: ${directive(first)}`}`;
}

function directive(offer: ToolOffer): string {
  return line(`/tool ${offer.name} ${canonicalize(exampleOf(offer))}`);
}

function excerpt(text: string): string {
  const characters = [...line(text)];
  return characters.length > 80 ? `${characters.slice(0, 80).join("")}…` : characters.join("");
}

function section(request: ToolRequest, result: ToolResult, details: Details | undefined): string {
  const content = parseJson(result.content, `the result of ${request.tool}`);
  if (!result.ok) return failure(request.tool, content);
  const template = templates[request.tool.replace("_", ".")];
  const shown = isJsonObject(content) && details ? template?.(content, details, request.arguments) : undefined;
  return shown ?? `${request.tool}:\n\n${keyValues(content)}`;
}

function failure(tool: string, content: Json): string {
  const record = isJsonObject(content) ? content : {};
  const code = textAt(record, "code") ?? "unknown";
  const message = textAt(record, "message") ?? "it did not say why";
  const hint = textAt(record, "hint");
  const verb = code === "policy.denied" ? "was denied" : "failed";
  return line(`${tool} ${verb} (${code}): ${message}.${hint === undefined ? "" : ` Hint: ${hint}.`}`);
}
