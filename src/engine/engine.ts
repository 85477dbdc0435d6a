/** An open home: calls and runs go through it, each with its bundle. */
import { canonicalize, type Json } from "../core/canonical.ts";
import { asFault, Fault } from "../core/fault.ts";
import { newId } from "../core/id.ts";
import { didYouMean } from "../core/nearest.ts";
import { thisProcess } from "../core/owner.ts";
import { byteLength, refuseNul } from "../core/text.ts";
import type { Config } from "../config/settings.ts";
import type { AgentRunFacts, AgentRunRequest } from "../define/handles.ts";
import { parsePrincipal, type Principal } from "../define/principal.ts";
import type { Provider } from "../define/provider.ts";
import type { Tool } from "../define/tool.ts";
import type { Vault } from "../vault/vault.ts";
import { type Catalogue, catalogueOf, recordableInput } from "./catalogue.ts";
import { fileDigest } from "./control.ts";
import type { Door } from "./door.ts";
import type { EgressDesk } from "./egress-desk.ts";
import { openDoor } from "./open-door.ts";
import type { Conversing, Parent } from "./converse.ts";
import { driveDirective, type End, parseDirective } from "./drive.ts";
import type { InDoubt } from "./doubt.ts";
import type { RunInput } from "./journal.ts";
import { limitsFrom } from "./limits.ts";
import { Breakers } from "./model/breaker.ts";
import { scrubFault, shownName } from "./record.ts";
import type { CallResult } from "./result.ts";
import { Recording } from "./recording.ts";
import { resultOf, resultOfCall, type RunResult } from "./run-result.ts";
import type { CallScope } from "./scope.ts";
import {
  abandonRun,
  type ActiveRun,
  beginRun,
  canceledFault,
  endRun,
  reopenRun,
  type RunCompany,
  type RunKeeper,
  suspendRun,
} from "./run.ts";
import { livePorts, type Talk } from "./talk.ts";
import type { RunRequest } from "./run-request.ts";

export type { RunRequest } from "./run-request.ts";
export type { RunResult } from "./run-result.ts";

/** What an engine is made of: the opened home, and the lists of this binary. */
export interface EngineParts {
  readonly config: Config;
  readonly keeper: RunKeeper;
  readonly vault: Vault;
  readonly tools: readonly Tool[];
  readonly providers: readonly Provider[];
  readonly version: string;
  /** Where keys may be taken from besides the vault. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Runs found cut off when the home was opened. */
  readonly reconciled: readonly string[];
  /** What the operator should know before going on, a sentence each. */
  readonly notices: readonly string[];
}

/** How often a process that drives runs looks whether another one asked it to stop, in milliseconds. */
const watch_ms = 150;

/** A directive out of a pipe: strangers may have written it, and nothing else is in its context. */
const strange = { taint: [{ from: "message", untrusted: true, private: false }], typed_chars: 0 } as const;

/** All that a model needs, which a `/tool` does without. */
const conversation = () => import("./converse.ts");

export class Engine {
  readonly catalogue: Catalogue;
  readonly config: Config;
  /** Runs found cut off when this engine opened. */
  readonly reconciled: readonly string[];
  readonly notices: readonly string[];
  readonly keeper: RunKeeper;
  readonly #parts: EngineParts;
  readonly #door: Door;
  readonly #active = new Map<string, ActiveRun>();
  readonly #parents = new Map<string, Parent>();
  /** What is known of each model's health, by all runs of this process. */
  readonly #breakers = new Breakers();
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(parts: EngineParts, open: typeof openDoor = openDoor) {
    this.catalogue = catalogueOf(parts.tools);
    this.config = parts.config;
    this.reconciled = parts.reconciled;
    this.notices = parts.notices;
    this.keeper = parts.keeper;
    this.#parts = parts;
    this.#door = open(parts, this.catalogue, {
      active: this.#active,
      runChild: (scope, request) => this.#runChild(scope, request),
    });
  }

  /** What programs go out by. Its tokens are those of the home. */
  async egress(): Promise<EgressDesk> {
    const { openEgressDesk } = await import("./egress-desk.ts");
    return openEgressDesk(this.#door, this.keeper, this.#parts.vault, this.config);
  }

  /** Runs in progress in this process. */
  get active(): number {
    return this.#active.size;
  }

  /** One tool call as a run of its own. */
  async call(
    principal: Principal,
    tool: string,
    input: Json,
    options: Pick<RunRequest, "signal" | "approve" | "onEvent" | "dry_run"> & { readonly source?: string } = {},
  ): Promise<CallResult & { readonly bundle: string }> {
    const { source = "cli", ...company } = options;
    const shown = { tool: shownName(this.#door, tool), input: this.#recordable(tool, input) };
    const message = `/tool ${shown.tool} ${canonicalize(shown.input)}`;
    this.#checkMessage(message);
    this.#refuseStopped(principal);
    const run = await this.#begin(
      { principal, ...company },
      this.#input({ message, source, provider: null, ...company }),
    );
    let result: CallResult | undefined;
    const talk = this.#directiveTalk(run, null, "ask", (each) => {
      result = each;
    });
    const request = { id: "call-1", tool: shown.tool, arguments: shown.input };
    talk.exact.set(request.id, input);
    await this.#drive(run, () => driveDirective(livePorts(talk), request));
    if (!result) throw new Fault("internal", "the call was not made");
    return { ...result, bundle: run.bundle };
  }

  /** A run of an agent on a message; a message that is a `/tool` directive is one call by that principal. */
  async run(request: RunRequest): Promise<RunResult> {
    this.#checkMessage(request.message);
    const directive = parseDirective(request.message);
    if (directive) return this.#runDirective(request, directive);
    this.#checkAgent(request.principal);
    this.#refuseStopped(request.principal);
    return (await conversation()).converse(this.#conversing(request));
  }

  /**
   * Goes on with a run that waits, was cut off, canceled or failed. Throws `not_found`, and `failed_precondition` for
   * one that completed or is being driven.
   */
  async resume(
    run_id: string,
    options: Pick<RunRequest, "signal" | "approve" | "onEvent"> & { readonly in_doubt?: InDoubt } = {},
  ): Promise<RunResult> {
    const row = await this.keeper.runs.get(run_id);
    if (!row) throw new Fault("not_found", `there is no run ${run_id}`, { hint: "see reeve runs list" });
    if (row.state === "completed" || row.state === "running" || row.state === "queued") {
      throw new Fault("failed_precondition", `run ${run_id} is ${row.state}: there is nothing to take up again`, {
        hint: row.state === "completed" ? "ask again, in its session with --session" : "wait for it, or cancel it",
      });
    }
    if (row.parent !== null) {
      throw new Fault("failed_precondition", `run ${run_id} is a sub-agent's`, { hint: `resume run ${row.parent}` });
    }
    const { in_doubt = "ask", ...company } = options;
    const principal = parsePrincipal(row.principal);
    this.#refuseStopped(principal);
    this.#refuseCrowd();
    const taint_off = this.#isFree({ principal });
    const run = await reopenRun(this.keeper, { principal, ...company, taint_off }, row);
    this.#enter(run);
    const recording = new Recording(run.journal.events, { to_resume: true });
    const message = recording.start?.message ?? "";
    const directive = parseDirective(message);
    if (!directive) {
      const { source = "cli", asked } = recording.start ?? {};
      const request = { principal, message, source, limits: asked, ...company };
      const { resumeConversation } = await conversation();
      return resumeConversation(this.#conversing(request), run, recording, in_doubt);
    }
    const talk = this.#directiveTalk(run, recording, in_doubt, () => undefined);
    const { tool, input } = directive;
    const end = await this.#drive(run, () => driveDirective(livePorts(talk), { id: "call-1", tool, arguments: input }));
    return resultOf(run, end, null);
  }

  /** Ends what is running, writes the last checkpoint and closes every file. */
  async close(): Promise<void> {
    clearInterval(this.#watch);
    for (const run of this.#active.values()) run.controller.abort(canceledFault());
    await this.keeper.ledger.close();
    this.keeper.state.close();
    this.#parts.vault.close();
  }

  async #begin(company: RunCompany, input: Omit<RunInput, "principal">): Promise<ActiveRun> {
    this.#refuseCrowd();
    const run = await beginRun(this.keeper, { ...company, taint_off: this.#isFree(company) }, input);
    this.#enter(run);
    return run;
  }

  #enter(run: ActiveRun): void {
    this.#active.set(run.run_id, run);
    this.#watch ??= setInterval(() => this.#look(), watch_ms);
  }

  #leave(run: ActiveRun): void {
    this.#active.delete(run.run_id);
    this.#parents.delete(run.run_id);
    if (this.#active.size > 0) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  /** What others asked of the runs of this process: to cancel one, or to stop an agent altogether. */
  #look(): void {
    for (const id of this.keeper.runs.cancelRequests(thisProcess())) {
      this.#active.get(id)?.controller.abort(canceledFault());
    }
    for (const run of this.#active.values()) {
      const fault = this.#door.stopped(run.principal);
      if (fault) run.controller.abort(fault);
    }
  }

  #input(
    asked: Pick<RunRequest, "message" | "source" | "dry_run"> & { readonly provider: string | null },
  ): Omit<RunInput, "principal"> {
    const { home } = this.keeper;
    const { message, source, provider, dry_run } = asked;
    return {
      run_id: newId(),
      message,
      source,
      provider,
      version: this.#parts.version,
      policy_sha256: fileDigest(home.policy),
      config_sha256: fileDigest(home.config),
      max_turns: this.config.engine.max_tool_iterations,
      ...(dry_run ? { dry_run: true } : {}),
      ...(source === "stdin" && provider === null ? strange : {}),
    };
  }

  #directiveTalk(run: ActiveRun, recording: Recording | null, in_doubt: InDoubt, onResult: Talk["onResult"]): Talk {
    return {
      door: this.#door,
      catalogue: this.catalogue,
      scrubber: this.#door.scrubber,
      config: this.config,
      limits: limitsFrom(this.config),
      run,
      recording,
      in_doubt,
      meter: null,
      speaker: null,
      exact: new Map(),
      onResult,
    };
  }

  #conversing(request: RunRequest): Conversing {
    return {
      request,
      parts: this.#parts,
      catalogue: this.catalogue,
      door: this.#door,
      breakers: this.#breakers,
      input: (provider, message) => this.#input({ ...request, provider, message }),
      begin: (company, input) => this.#begin(company, input),
      drive: (run, body) => this.#drive(run, body),
      remember: (run, parent) => this.#parents.set(run.run_id, parent),
    };
  }

  async #runChild(scope: CallScope, request: AgentRunRequest): Promise<AgentRunFacts> {
    const parent = this.#parents.get(scope.run_id);
    if (!parent) throw new Fault("failed_precondition", "only an agent's run can start another one");
    const { converse } = await conversation();
    const { runChild } = await import("./child.ts");
    return runChild(parent, scope, request, this.config.engine.max_depth, (child, link) => {
      this.#checkAgent(child.principal);
      return converse({ ...this.#conversing(child), parent: { ...parent, link, call: scope.call_id } });
    });
  }

  /** Drives a run to its end and writes that end, or leaves it waiting. */
  async #drive(run: ActiveRun, body: () => Promise<End>): Promise<End> {
    try {
      const reached = await body().catch((thrown: unknown): End => {
        const fault = asFault(thrown);
        return { state: fault.code === "canceled" ? "cancelled" : "failed", answer: "", fault: fault.toRecord() };
      });
      const end = this.#recordableEnd(reached);
      const refused = await run.started;
      if (refused) {
        await abandonRun(this.keeper, run, refused);
        throw refused;
      }
      if (end.state === "waiting") await suspendRun(this.keeper, run);
      else await endRun(this.keeper, run, end);
      if (end.fault && end.state !== "waiting") run.tell({ type: "error", fault: end.fault });
      run.tell({ type: "run.end", state: end.state, answer: end.answer, taint: run.taint.bits });
      return end;
    } finally {
      this.#leave(run);
    }
  }

  async #runDirective(
    request: RunRequest,
    directive: { readonly tool: string; readonly input: Json },
  ): Promise<RunResult> {
    const { principal, message: _, ...options } = request;
    const result = await this.call(principal, directive.tool, directive.input, options);
    return resultOfCall(result);
  }

  /** A vault that cannot be read any more takes the place of what cannot be scrubbed without it. */
  #recordableEnd(end: End): End {
    try {
      return { ...end, fault: end.fault && scrubFault(this.#door.scrubber(), end.fault) };
    } catch (thrown) {
      return { state: "failed", answer: "", fault: asFault(thrown).toRecord() };
    }
  }

  #recordable(name: string, input: Json): Json {
    return this.#door.scrubber().json(recordableInput(this.catalogue.find(name), input));
  }

  /** Whether an agent, and every caller above it, is not held to the Rule of Two. The operator never is. */
  #isFree({ principal, links = [] }: Pick<RunCompany, "principal" | "links">): boolean {
    if (principal.kind === "operator") return false;
    return [principal, ...links.map((link) => link.principal)].every((each) => !this.#door.watch.isOn(each));
  }

  #refuseCrowd(): void {
    if (this.#active.size < this.config.engine.max_concurrent_runs) return;
    throw new Fault("resource_exhausted", `${this.#active.size} runs are in progress already`, {
      hint: "wait for one to end, or raise engine.max_concurrent_runs",
    });
  }

  #refuseStopped(principal: Principal): void {
    const fault = this.#door.stopped(principal);
    if (fault) throw fault;
  }

  #checkMessage(message: string): void {
    const max = this.config.output.max_message_bytes;
    const size = byteLength(message);
    if (size > max) {
      throw new Fault("invalid_argument", `the message is ${size} bytes; the limit is ${max}`, {
        hint: "put long material into a file of the workspace, or raise output.max_message_bytes",
      });
    }
    refuseNul(message, "the message");
    if (message.trim() === "")
      throw new Fault("invalid_argument", "the message is empty", { hint: 'say what you want: reeve ask "..."' });
  }

  #checkAgent(principal: Principal): void {
    if (principal.kind === "operator") return;
    const policy = this.#door.policy();
    if (policy.fault) throw policy.fault;
    const names = [...policy.agents.keys()];
    if (names.includes(principal.name)) return;
    throw new Fault("not_found", `there is no agent named "${principal.name}"`, {
      hint: didYouMean(principal.name, names, `agents here: ${names.join(", ") || "none"}`),
    });
  }
}
