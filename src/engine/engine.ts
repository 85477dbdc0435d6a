/** An open home: calls and runs go through it, each with its bundle. */
import { canonicalize, type Json } from "../core/canonical.ts";
import { asFault, Fault, type FaultRecord } from "../core/fault.ts";
import { didYouMean } from "../core/nearest.ts";
import { byteLength, refuseNul } from "../core/text.ts";
import type { Config } from "../config/settings.ts";
import type { RunState } from "../define/handles.ts";
import type { Principal } from "../define/principal.ts";
import type { Provider, ToolOffer } from "../define/provider.ts";
import type { Tool } from "../define/tool.ts";
import { openMachine } from "../machine/open.ts";
import { mayHold } from "../policy/decide.ts";
import { rank } from "../store/rank.ts";
import type { Scrubber } from "../vault/scrub.ts";
import { vaultPaths } from "../vault/commit.ts";
import type { Vault } from "../vault/vault.ts";
import { call } from "./call.ts";
import type { Door } from "./door.ts";
import { scrubFault, shownName } from "./record.ts";
import type { CallResult } from "./result.ts";
import { type Catalogue, catalogueOf, offerOf, recordableInput } from "./catalogue.ts";
import { configHandle, fileDigest, policyHandle, secretsHandle, watchPolicy, watchSecrets } from "./control.ts";
import { driveConversation, driveDirective, type End, type Ports, parseDirective } from "./drive.ts";
import { runsHandle } from "./history.ts";
import { mintFrom } from "./mint.ts";
import { openHomeWorkspace, workspaceRoot } from "./place.ts";
import { systemPrompt } from "./prompt.ts";
import { type ActiveRun, abandonRun, beginRun, canceledFault, endRun, type RunKeeper, watchForCancel } from "./run.ts";

export interface RunRequest {
  readonly principal: Principal;
  readonly message: string;
  /** Where the request came from: `cli`, `stdin`, `schedule` ... */
  readonly source: string;
  readonly signal?: AbortSignal;
}

export interface RunResult {
  readonly run_id: string;
  readonly state: RunState;
  readonly answer: string;
  /** Absolute path of the run bundle. */
  readonly bundle: string;
  readonly calls: readonly { readonly tool: string; readonly ok: boolean; readonly code?: string }[];
  readonly fault?: FaultRecord;
}

/** What an engine is made of: the opened home, and the lists of this binary. */
export interface EngineParts {
  readonly config: Config;
  readonly keeper: RunKeeper;
  readonly vault: Vault;
  readonly tools: readonly Tool[];
  readonly providers: readonly Provider[];
  readonly version: string;
  /** Runs found cut off when the home was opened. */
  readonly reconciled: readonly string[];
  /** What the operator should know before going on, a sentence each. */
  readonly notices: readonly string[];
}

export class Engine {
  readonly catalogue: Catalogue;
  readonly config: Config;
  /** Runs found cut off when this engine opened. */
  readonly reconciled: readonly string[];
  readonly notices: readonly string[];
  readonly keeper: RunKeeper;
  readonly #vault: Vault;
  readonly #providers: readonly Provider[];
  readonly #version: string;
  readonly #scrubber: () => Scrubber;
  readonly #door: Door;
  readonly #active = new Map<string, ActiveRun>();

  constructor({ config, keeper, vault, tools, providers, version, reconciled, notices }: EngineParts) {
    this.catalogue = catalogueOf(tools);
    this.config = config;
    this.reconciled = reconciled;
    this.notices = notices;
    this.keeper = keeper;
    this.#vault = vault;
    this.#providers = providers;
    this.#version = version;
    this.#scrubber = watchSecrets(vault, vaultPaths(keeper.home.vault).manifest);
    const { home, clock } = keeper;
    const workspace = openHomeWorkspace(home, config);
    const capabilities = [...new Set(tools.map((tool) => tool.capability))].sort();
    this.#door = {
      catalogue: this.catalogue,
      ledger: keeper.ledger,
      runs: keeper.runs,
      clock,
      policy: watchPolicy(home.policy),
      scrubber: this.#scrubber,
      canonicalPath: (path) => workspace.relative(path),
      tool_timeout_ms: config.engine.tool_timeout_ms,
      mint: mintFrom({
        workspace,
        machine: openMachine(),
        config: (scope) => configHandle(keeper, scope),
        policy: (scope) => policyHandle(keeper, capabilities, scope),
        secrets: (scope) => secretsHandle(keeper, vault, scope),
        runs: (scope) => runsHandle(keeper, workspace, this.#active, scope),
        now: () => clock.now(),
      }),
    };
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
    options: { readonly signal?: AbortSignal; readonly source?: string } = {},
  ): Promise<CallResult & { readonly bundle: string }> {
    const shown = { tool: shownName(this.#door, tool), input: this.#recordable(tool, input) };
    const message = `/tool ${shown.tool} ${canonicalize(shown.input)}`;
    this.#checkMessage(message);
    let result: CallResult | undefined;
    const run = await this.#begin(
      { principal, message, source: options.source ?? "cli", ...(options.signal ? { signal: options.signal } : {}) },
      null,
    );
    await this.#drive(run, (ports) => {
      const one: Ports = {
        ...ports,
        call: async (_, __, call_id) => {
          result = await call(this.#door, run, tool, input, call_id);
          return result;
        },
      };
      return driveDirective(one, shown.tool, shown.input);
    });
    if (!result) throw new Fault("internal", "the call was not made");
    return { ...result, bundle: run.bundle };
  }

  /** A run of an agent on a message; a message that is a `/tool` directive is one call by that principal. */
  async run(request: RunRequest): Promise<RunResult> {
    this.#checkMessage(request.message);
    const directive = parseDirective(request.message);
    if (directive) return this.#runDirective(request, directive);
    const provider = this.#provider();
    const agent = this.#agentName(request.principal);
    const message = this.#scrubber().text(request.message);
    const run = await this.#begin({ ...request, message }, provider);
    const offers = this.#offers(request.principal);
    const system = systemPrompt({ agent, workspace: workspaceRoot(this.keeper.home, this.config), tools: offers });
    const calls: { tool: string; ok: boolean; code?: string }[] = [];
    const end = await this.#drive(run, async (ports) => {
      const refused = await run.started;
      if (refused) throw refused;
      return driveConversation(
        {
          ...ports,
          stream: (asked) => provider.stream(asked, { signal: run.signal, rank }),
          call: async (tool, input, call_id) => {
            const result = await call(this.#door, run, tool, input, call_id);
            calls.push({ tool: result.tool, ok: result.ok, ...(result.ok ? {} : { code: result.code }) });
            return result;
          },
        },
        { system, message, offers, max_turns: this.config.engine.max_tool_iterations },
      );
    });
    const { fault, ...rest } = end;
    return { run_id: run.run_id, ...rest, bundle: run.bundle, calls, ...(fault ? { fault } : {}) };
  }

  /** Ends what is running, writes the last checkpoint and closes every file. */
  async close(): Promise<void> {
    for (const run of this.#active.values()) run.controller.abort(canceledFault());
    await this.keeper.ledger.close();
    this.keeper.runs.close();
    this.#vault.close();
  }

  async #begin(request: RunRequest, provider: Provider | null): Promise<ActiveRun> {
    if (this.#active.size >= this.config.engine.max_concurrent_runs) {
      throw new Fault("resource_exhausted", `${this.#active.size} runs are in progress already`, {
        hint: "wait for one to end, or raise engine.max_concurrent_runs",
      });
    }
    const { home } = this.keeper;
    const run = await beginRun(
      this.keeper,
      request.principal,
      {
        message: request.message,
        source: request.source,
        provider: provider?.name ?? null,
        version: this.#version,
        policy_sha256: fileDigest(home.policy),
        config_sha256: fileDigest(home.config),
        max_turns: this.config.engine.max_tool_iterations,
      },
      request.signal,
    );
    this.#active.set(run.run_id, run);
    return run;
  }

  async #drive(run: ActiveRun, body: (ports: Ports) => Promise<End>): Promise<End> {
    const unwatch = watchForCancel(this.keeper, run);
    const ports: Ports = {
      signal: run.signal,
      scrub: (text) => this.#scrubber().text(text),
      checkpoint: () => run.signal.throwIfAborted(),
      stream: () => {
        throw new Fault("internal", "this run has no provider");
      },
      call: (tool, input, call_id) => call(this.#door, run, tool, input, call_id),
      prompt: (text) => run.journal.append({ type: "prompt", ts: run.ts(), text }, { durable: false }),
      turn: (turn) => {
        const calls = turn.calls.map(({ id, tool, arguments: input }) => ({
          id,
          tool: shownName(this.#door, tool),
          arguments: this.#recordable(tool, input),
        }));
        const fault = turn.fault && scrubFault(this.#scrubber(), turn.fault);
        run.journal.append({ type: "turn", ts: run.ts(), ...turn, calls, fault }, { durable: false });
      },
    };
    try {
      const reached = await body(ports).catch((thrown: unknown): End => {
        const fault = asFault(thrown);
        return { state: fault.code === "canceled" ? "cancelled" : "failed", answer: "", fault: fault.toRecord() };
      });
      const end = this.#recordableEnd(reached);
      const refused = await run.started;
      if (refused) {
        await abandonRun(this.keeper, run, refused);
        throw refused;
      }
      await endRun(this.keeper, run, end);
      return end;
    } finally {
      unwatch();
      this.#active.delete(run.run_id);
    }
  }

  async #runDirective(
    request: RunRequest,
    directive: { readonly tool: string; readonly input: Json },
  ): Promise<RunResult> {
    const { principal, source, signal } = request;
    const result = await this.call(principal, directive.tool, directive.input, {
      source,
      ...(signal ? { signal } : {}),
    });
    const { run_id, bundle, tool, ok } = result;
    if (result.ok) {
      return {
        run_id,
        state: "completed",
        answer: JSON.stringify(result.output, null, 2),
        bundle,
        calls: [{ tool, ok }],
      };
    }
    const { code, fault } = result;
    const state = code === "canceled" ? "cancelled" : "failed";
    return {
      run_id,
      state,
      answer: `error: ${code} (${tool}): ${fault.message}`,
      bundle,
      calls: [{ tool, ok, code }],
      fault,
    };
  }

  /** A vault that cannot be read any more takes the place of what cannot be scrubbed without it. */
  #recordableEnd(end: End): End {
    try {
      return { ...end, fault: end.fault && scrubFault(this.#scrubber(), end.fault) };
    } catch (thrown) {
      return { state: "failed", answer: "", fault: asFault(thrown).toRecord() };
    }
  }

  #recordable(name: string, input: Json): Json {
    return this.#scrubber().json(recordableInput(this.catalogue.find(name), input));
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

  #provider(): Provider {
    const name = this.config.model.provider;
    const provider = this.#providers.find((each) => each.name === name);
    if (provider) return provider;
    const names = this.#providers.map((each) => each.name);
    throw new Fault("failed_precondition", `the configured model provider "${name}" is not in this build`, {
      hint: didYouMean(name, names, `set model.provider to one of: ${names.join(", ")}`),
    });
  }

  #agentName(principal: Principal): string {
    if (principal.kind === "operator") return "operator";
    const policy = this.#door.policy();
    if (policy.fault) throw policy.fault;
    const names = [...policy.agents.keys()];
    if (names.includes(principal.name)) return principal.name;
    throw new Fault("not_found", `there is no agent named "${principal.name}"`, {
      hint: didYouMean(principal.name, names, `agents here: ${names.join(", ") || "none"}`),
    });
  }

  #offers(principal: Principal): readonly ToolOffer[] {
    const policy = this.#door.policy();
    const now_ms = this.keeper.clock.now();
    return this.catalogue.tools
      .filter((tool) => tool.effect !== "control" && mayHold(policy, principal, tool.capability, now_ms))
      .map(offerOf);
  }
}
