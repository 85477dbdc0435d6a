/** The run bundle: what the journal says, as files people and programs read, and a manifest whose digest is in the ledger. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { syncDirectory } from "../core/atomic.ts";
import { type Json, canonicalize } from "../core/canonical.ts";
import { sha256Hex } from "../crypto/hash.ts";
import { Journal, readJournal, type RunEvent } from "./journal.ts";
import { usageIn } from "./run-result.ts";

const bundleVersion = 1;

/** Makes `runs/<run id>/` with an empty journal. */
export function createBundle(directory: string): Journal {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return Journal.create(join(directory, "events.jsonl"));
}

/** Everything in a bundle but the journal and the manifest, as a pure function of the journal. */
export function renderBundle(events: readonly RunEvent[]): ReadonlyMap<string, string> {
  const start = events.find((event) => event.type === "start");
  const prompt = events.find((event) => event.type === "prompt");
  const end = events.findLast((event) => event.type === "end");
  const calls = renderCalls(events);
  const { type: _, ts: started_at, ...input } = start ?? { type: "start", ts: events[0]?.ts ?? "" };
  const meta = {
    bundle_version: bundleVersion,
    run_id: start?.run_id ?? null,
    state: end?.state ?? "running",
    started_at,
    completed_at: end?.ts ?? null,
    duration_ms: end ? Date.parse(end.ts) - Date.parse(started_at) : null,
    tool_call_count: calls.length,
    provider: start?.provider ?? null,
    model: modelIn(events) ?? start?.model ?? null,
    ...(start?.session === undefined ? {} : { session: start.session }),
    ...(start?.parent === undefined ? {} : { parent: start.parent }),
    ...(events.some((event) => event.type === "turn" && event.usage) ? { usage: usageIn(events) } : {}),
    fault: end?.fault ?? null,
  };
  return new Map([
    ["input.json", pretty(input)],
    ["prompt.md", prompt?.text ?? ""],
    ["toolcalls.jsonl", calls.map((call) => `${canonicalize(call)}\n`).join("")],
    ["output.md", end?.answer ? `${end.answer}\n` : ""],
    ["meta.json", pretty(meta)],
  ]);
}

/** The model that spoke last: another one may have taken over. */
function modelIn(events: readonly RunEvent[]): string | undefined {
  return events.flatMap((event) => (event.type === "turn" && event.model ? [event.model] : [])).at(-1);
}

interface Composed {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly manifest: string;
}

/** The files that follow from a journal as it is on the disk, and the manifest over them and it. */
function compose(journal: Uint8Array, events: readonly RunEvent[]): Composed {
  const rendered = [...renderBundle(events)].map(([name, text]) => [name, Buffer.from(text, "utf8")] as const);
  const listed = [...rendered, ["events.jsonl", journal] as const].map(
    ([name, bytes]) => [name, { sha256: sha256Hex(bytes), bytes: bytes.length }] as const,
  );
  const facts = { bundle_version: bundleVersion, run_id: runIdOf(events), files: Object.fromEntries(listed) };
  return { files: new Map(rendered), manifest: pretty(facts) };
}

/** The digest the manifest has when every file is as the journal says, whatever is on the disk beside it. */
export function expectedSeal(directory: string): string {
  const path = join(directory, "events.jsonl");
  return digestOf(compose(readFileSync(path), readJournal(path).events).manifest);
}

/**
 * Writes every file of the bundle, then `manifest.json` last: a bundle with a manifest is complete. Only the journal is
 * forced to the disk: a power cut can take the other files, which follow from it, and sealing again writes the same bytes.
 * Returns the SHA-256 of the manifest, lower-case hexadecimal.
 */
export function sealBundle(directory: string, events: readonly RunEvent[]): string {
  const journal = join(directory, "events.jsonl");
  const { files, manifest } = compose(readFileSync(journal), events);
  for (const [name, bytes] of files) writeFileSync(join(directory, name), bytes, { mode: 0o600 });
  const beside = join(directory, "manifest.json.tmp");
  writeFileSync(beside, manifest, { mode: 0o600 });
  renameSync(beside, join(directory, "manifest.json"));
  syncFile(journal);
  syncDirectory(directory);
  return digestOf(manifest);
}

/** File names of a bundle that are missing, altered or not in its manifest. */
export function compareWithManifest(
  directory: string,
  files: Readonly<Record<string, { readonly sha256: string }>>,
): readonly string[] {
  const present = new Set(readdirSync(directory).filter((name) => name !== "manifest.json"));
  const wrong = Object.entries(files).flatMap(([name, { sha256 }]) => {
    if (!present.delete(name)) return [`${name}: missing`];
    return sha256Hex(readFileSync(join(directory, name))) === sha256 ? [] : [`${name}: altered`];
  });
  return [...wrong, ...[...present].sort().map((name) => `${name}: not in the manifest`)];
}

function renderCalls(events: readonly RunEvent[]): readonly Json[] {
  const answers = new Map(events.flatMap((e) => (e.type === "outcome" || e.type === "failure" ? [[e.call, e]] : [])));
  return events.flatMap((event): readonly Json[] => {
    if (event.type === "refusal") {
      const { call, tool, input, code, fault, ts, proposal } = event;
      const result = { id: call, error: { ...fault, code } as unknown as Json };
      return [
        { request: { id: call, name: tool, arguments: input }, result, proposal, started_at: ts, completed_at: ts },
      ];
    }
    if (event.type !== "intent") return [];
    const { call, tool, input, salt, digest, ts: started_at } = event;
    const request = { id: call, name: tool, arguments: input };
    const answer = answers.get(call);
    const result =
      answer?.type === "outcome"
        ? { id: call, output: answer.output }
        : answer?.type === "failure"
          ? { id: call, error: { ...answer.fault, code: answer.code } as unknown as Json }
          : null;
    return [{ request, result, salt, digest, started_at, completed_at: answer?.ts ?? null }];
  });
}

function digestOf(text: string): string {
  return sha256Hex(Buffer.from(text, "utf8"));
}

function runIdOf(events: readonly RunEvent[]): string | null {
  const start = events.find((event) => event.type === "start");
  return start?.run_id ?? null;
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function syncFile(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
