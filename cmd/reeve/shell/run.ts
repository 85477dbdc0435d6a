/** One command line from argv to exit status: parse, check, run, print. Nothing reaches stdout but the result. */
import { resolve } from "node:path";
import { asFault, Fault, faultCodes, type FaultRecord } from "../../../src/core/fault.ts";
import { findHome, homeAt } from "../../../src/core/home.ts";
import { check } from "../../../src/core/schema.ts";
import type { Command, CommandContext } from "../../../src/define/command.ts";
import { type Entry, type Globals, parseArguments } from "./argv.ts";
import { helpText } from "./help.ts";
import { readStandardInput } from "./input.ts";
import { isTerminal, openStream, type Stream } from "./output.ts";
import { terminalPrompts } from "./prompts.ts";

interface Streams {
  readonly out: Stream;
  readonly err: Stream;
}

/** The exit status; never throws. */
export async function runCommandLine(
  argv: readonly string[],
  entries: readonly Entry[],
  version: string,
): Promise<number> {
  const streams = { out: await openStream(1, process.env), err: await openStream(2, process.env) };
  const json = wantsJson(argv);
  try {
    if (argv.length === 0) {
      streams.err.write(`${helpText(undefined, entries)}\n`);
      return faultCodes.invalid_argument.exit;
    }
    if (argv.length <= 2 && argv.some((word) => word === "--version" || word === "-version")) {
      streams.out.write(json ? `${JSON.stringify({ name: "reeve", version })}\n` : `reeve ${version}\n`);
      return 0;
    }
    const parsed = await parseArguments(argv, entries);
    if (parsed.kind === "help") {
      const help = helpText(parsed.of, entries);
      streams.out.write(json ? `${JSON.stringify({ help })}\n` : `${help}\n`);
      return 0;
    }
    return await runCommand(parsed.command, parsed.input, parsed.globals, version, streams);
  } catch (thrown) {
    return reportFault(asFault(thrown), json, streams);
  }
}

/** Read before parsing, so that a command line that does not parse still fails in the form asked for. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end < 0 ? argv.length : end).some((word) => /^--?json(=true)?$/.test(word));
}

async function runCommand(
  command: Command,
  given: Readonly<Record<string, unknown>>,
  globals: Globals,
  version: string,
  streams: Streams,
): Promise<number> {
  const interruption = listenForInterruption();
  try {
    const input = check(command.input, given, `reeve ${command.name}`, `see reeve ${command.name} --help`);
    const result = await command.run(await contextOf(globals, version, interruption.signal, streams), input);
    return printResult(command, result, globals.json, streams);
  } catch (thrown) {
    throw interruption.signal.aborted ? asCanceled(thrown) : thrown;
  } finally {
    interruption.stop();
  }
}

async function contextOf(
  globals: Globals,
  version: string,
  signal: AbortSignal,
  { out, err }: Streams,
): Promise<CommandContext> {
  const cwd = process.cwd();
  const note = (line: string): void => {
    if (!globals.quiet) err.write(`${err.paint.faint("reeve:")} ${line}\n`);
  };
  return {
    home: findHome(globals.home, cwd),
    newHome: homeAt(resolve(cwd, globals.home ?? ".")),
    cwd,
    version,
    signal,
    json: globals.json,
    quiet: globals.quiet,
    passphrase_file: globals.passphrase_file === undefined ? undefined : resolve(cwd, globals.passphrase_file),
    note,
    screen: out,
    side: err,
    readStandardInput: (max_bytes, what) => readStandardInput(max_bytes, what, signal, note),
    prompts: err.terminal && (await isTerminal(0)) ? terminalPrompts() : undefined,
  };
}

function printResult(command: Command, result: object, json: boolean, streams: Streams): number {
  const fault = command.failure(result);
  if (json) {
    const { fault: _, ...document } = result as { readonly fault?: unknown };
    streams.out.write(`${JSON.stringify(fault ? { ...document, error: fault } : result, null, 2)}\n`);
  } else {
    const text = command.render(result, streams.out.paint);
    if (text !== "") streams.out.write(`${text}\n`);
    if (fault) writeFault(fault, streams.err);
  }
  return command.exit?.(result) ?? (fault ? faultCodes[fault.code].exit : 0);
}

function reportFault(fault: Fault, json: boolean, streams: Streams): number {
  if (json) streams.out.write(`${JSON.stringify({ error: fault.toRecord() }, null, 2)}\n`);
  else writeFault(fault, streams.err);
  if (fault.code === "internal") {
    const origin = fault.cause instanceof Error ? fault.cause : fault;
    streams.err.write(`${origin.stack ?? String(origin)}\n`);
  }
  return fault.exitCode;
}

function writeFault(fault: Pick<FaultRecord, "message"> & { readonly hint?: string | undefined }, err: Stream): void {
  err.write(`${err.paint.bad("reeve:")} ${fault.message}\n`);
  if (fault.hint) err.write(`${err.paint.strong("hint:")} ${fault.hint}\n`);
}

function asCanceled(thrown: unknown): Fault {
  if (thrown instanceof Fault && thrown.code !== "internal") return thrown;
  return new Fault("canceled", "interrupted", { cause: thrown });
}

/** The first signal asks the work to stop and record that it did; the second ends the process at once. */
function listenForInterruption(): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(faultCodes.canceled.exit);
    controller.abort(new Fault("canceled", "interrupted"));
  };
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    stop: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}
