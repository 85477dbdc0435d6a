/** `reeve serve`: the binary as a daemon: services start, the process says once that it is ready, and ends when it is told to. */
import { setTimeout as after } from "node:timers/promises";
import * as v from "valibot";
import { asFault, Fault, type FaultRecord } from "../../src/core/fault.ts";
import { didYouMean } from "../../src/core/nearest.ts";
import { type CommandContext, defineCommand, option } from "../../src/define/command.ts";
import type { RunningService, Service } from "../../src/define/service.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { services } from "../../src/services/index.ts";
import { notify } from "../../src/services/notify.ts";
import { withEngine } from "./shell/engine.ts";

/** How long services have to end by themselves, so that all is over within two seconds. */
const patience_ms = 1500;

interface Served {
  readonly services: readonly { readonly name: string; readonly where: string }[];
  readonly fault?: FaultRecord;
}

export const serve = defineCommand({
  name: "serve",
  summary: "Run as a service until told to end.",
  input: v.strictObject({ mode: option(v.string(), "NAME", "only this service; all of them when absent") }),
  details: `
    Services: ${services.map(({ name, summary }) => `${name} (${summary})`).join(", ")}. "ready" is said once on stderr, and to
    the service manager where NOTIFY_SOCKET names one. SIGTERM and SIGINT end it within two seconds; start and end are in
    the ledger.`,
  examples: ["reeve serve --mode egress"],
  run: serveUntilTold,
  render: (result) => result.services.map(({ name, where }) => `served ${name} on ${where}`).join("\n"),
  failure: (result) => result.fault,
});

async function serveUntilTold(ctx: CommandContext, { mode }: { readonly mode?: string | undefined }): Promise<Served> {
  const chosen = mode === undefined ? services : [serviceNamed(mode)];
  return withEngine(ctx, async (engine) => {
    const names = chosen.map(({ name }) => name);
    const record = (type: string, more: { readonly [key: string]: string | number | readonly string[] }) =>
      engine.keeper.ledger.append({ type, actor: "operator", run: null, payload: { services: names, ...more } });
    await record("service.started", { version: ctx.version, pid: process.pid });
    const running: RunningService[] = [];
    let fault: Fault | undefined;
    try {
      for (const service of chosen) running.push(await startOne(ctx, engine, service));
      ctx.note("ready");
      tell("READY=1");
      await Promise.race([told(ctx.signal), ...running.map(({ failed }) => failed)]);
    } catch (thrown) {
      fault = asFault(thrown, "serve");
    }
    tellAnyway("STOPPING=1");
    const unfinished = await closeAll(chosen, running);
    const end = fault?.code ?? (unfinished.length > 0 ? "unfinished" : "told");
    await record("service.stopped", { reason: end, unfinished });
    const served = running.map(({ where }, i) => ({ name: names[i] ?? "", where }));
    if (fault) throw fault;
    if (unfinished.length === 0) return { services: served };
    const words = `${unfinished.join(", ")} did not end within ${patience_ms} ms`;
    return { services: served, fault: new Fault("deadline_exceeded", words, { hint: "see the ledger" }).toRecord() };
  });
}

function serviceNamed(name: string): Service<Engine> {
  const names = services.map((each) => each.name);
  const service = services.find((each) => each.name === name);
  if (service) return service;
  throw new Fault("invalid_argument", `there is no service ${JSON.stringify(name)}`, {
    hint: didYouMean(name, names, `services: ${names.join(", ")}`),
  });
}

async function startOne(ctx: CommandContext, house: Engine, service: Service<Engine>): Promise<RunningService> {
  const note = (line: string) => ctx.note(`${service.name}: ${line}`);
  const running = await service.start({ house, signal: ctx.signal, note });
  // It is raced only once all have started.
  running.failed.catch(() => undefined);
  note(`on ${running.where}`);
  return running;
}

/** Names of those that did not end in time, or could not record their end. */
async function closeAll(
  chosen: readonly Service<Engine>[],
  running: readonly RunningService[],
): Promise<readonly string[]> {
  const patience = new AbortController();
  const late = after(patience_ms, false, { signal: patience.signal }).catch(() => false);
  const closing = running.map((each) =>
    Promise.race([
      each.close().then(
        () => true,
        () => false,
      ),
      late,
    ]),
  );
  const ended = await Promise.all(closing);
  patience.abort();
  return ended.flatMap((isEnded, i) => (isEnded ? [] : [chosen[i]?.name ?? ""]));
}

function told(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

function tell(state: string): void {
  const socket = process.env["NOTIFY_SOCKET"];
  if (socket !== undefined && socket !== "") notify(socket, state);
}

/** On the way out nobody has to hear it. */
function tellAnyway(state: string): void {
  try {
    tell(state);
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
  }
}
