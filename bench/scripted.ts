/** The scripted model as a process of its own, and homes whose agent talks to it: what the figures about models share. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Script } from "../src/providers/testdata/model/script.ts";

const program = join(import.meta.dir, "..", "src/providers/testdata/model/main.ts");

export interface ModelProcess {
  readonly url: string;
  /** When each request came (milliseconds since the Unix epoch) and the bytes of its body. */
  requests(): Promise<readonly { readonly at_ms: number; readonly size: number }[]>;
  stop(): void;
}

export async function spawnModel(script: Script): Promise<ModelProcess> {
  const place = mkdtempSync(join(tmpdir(), "reeve-bench-model-"));
  const path = join(place, "script.json");
  writeFileSync(path, JSON.stringify(script));
  const child = Bun.spawn([process.execPath, program, path], { stdout: "pipe", stderr: "inherit" });
  const lines = linesOf(child.stdout);
  const { url } = JSON.parse((await lines.next()).value ?? "{}") as { url: string };
  return {
    url,
    requests: async () => {
      child.kill("SIGUSR1");
      return JSON.parse((await lines.next()).value ?? "[]") as { at_ms: number; size: number }[];
    },
    stop: () => {
      child.kill("SIGKILL");
      rmSync(place, { recursive: true, force: true });
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  return undefined;
}

export interface BenchHome {
  readonly path: string;
  /** Environment for the binary. */
  readonly env: Readonly<Record<string, string>>;
  run(...argv: readonly string[]): void;
  set(field: string, value: string): void;
  remove(): void;
}

/** A new home whose default agent talks to the model at `url`. */
export function makeHome(binary: string, url: string): BenchHome {
  const place = mkdtempSync(join(tmpdir(), "reeve-bench-"));
  const path = join(place, "home");
  const env = { HOME: place, PATH: "/usr/bin:/bin", XDG_STATE_HOME: join(place, "state") };
  const run = (...argv: readonly string[]): void => {
    const child = Bun.spawnSync([binary, ...argv, "--home", path], { env });
    if (child.exitCode !== 0) throw new Error(`${argv.join(" ")}: ${child.stderr.toString()}`);
  };
  run("init");
  const set = (field: string, value: string): void => run("config", "set", field, value);
  set("model.provider", "generic");
  set("model.name", "scripted-1");
  set("providers.generic.base_url", url);
  return { path, env, run, set, remove: () => rmSync(place, { recursive: true, force: true }) };
}

export const oneCall: Script = {
  turns: [
    { text: "Let me look.", calls: [{ tool: "fs_list", arguments: { path: "." } }] },
    { text: "There is nothing there yet." },
  ],
};

/** The call starts a program behind walls. */
export const oneProgram: Script = {
  turns: [
    { text: "Let me look.", calls: [{ tool: "shell_exec", arguments: { command: "ls" } }] },
    { text: "There is nothing there yet." },
  ],
};
