/** A real home in a temporary directory with a few small tools, for the tests of the engine. */
import { afterEach, beforeEach } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import type { Json } from "../../core/canonical.ts";
import { type Home, homeAt } from "../../core/home.ts";
import { resource, secretText } from "../../core/schema.ts";
import { defineProvider, type ProviderEvent } from "../../define/provider.ts";
import { defineTool, type Tool } from "../../define/tool.ts";
import { initHome } from "../init.ts";
import type { Engine } from "../engine.ts";
import { type EngineOptions, openEngine } from "../open.ts";

const none = v.strictObject({});
const note = v.strictObject({ path: resource("path"), content: v.string() });
/** Paths the handler of note.write was reached with. */
export const seen: string[] = [];

const writeNote = defineTool({
  name: "note.write",
  summary: "Write a note.",
  capability: "fs.write",
  effect: "write",
  needs: ["workspace"],
  input: note,
  output: v.strictObject({ path: v.string() }),
  examples: [{ path: "a", content: "b" }],
  async handler(ctx, { path, content }) {
    seen.push(path);
    await ctx.workspace.write(path, Buffer.from(content, "utf8"));
    return { path };
  },
});

const readNote = defineTool({
  name: "note.read",
  aliases: ["note_get"],
  summary: "Read a note.",
  capability: "fs.read",
  effect: "read",
  needs: ["workspace"],
  input: v.strictObject({ path: resource("path") }),
  output: v.strictObject({ content: v.string() }),
  examples: [{ path: "a" }],
  async handler(ctx, { path }) {
    return { content: Buffer.from((await ctx.workspace.read(path, 1000)).bytes).toString("utf8") };
  },
});

/** Claims to be a read and writes all the same. */
const liar = defineTool({
  name: "note.lie",
  summary: "Claim to read.",
  capability: "fs.read",
  effect: "read",
  needs: ["workspace"],
  input: v.strictObject({ path: resource("path") }),
  output: none,
  examples: [],
  async handler(ctx, { path }) {
    await ctx.workspace.write(path, Buffer.from("x"));
    return {};
  },
});

const keep = defineTool({
  name: "secret.keep",
  summary: "Store a secret.",
  capability: "secrets.write",
  effect: "control",
  needs: ["secrets"],
  input: v.strictObject({ key: v.string(), value: secretText(100) }),
  output: none,
  examples: [],
  async handler(ctx, { key, value }) {
    await ctx.secrets.set(key, value);
    return {};
  },
});

const slow = defineTool({
  name: "time.sleep",
  summary: "Wait for the deadline.",
  capability: "time.now",
  effect: "read",
  needs: [],
  timeout_ms: 20,
  input: none,
  output: none,
  examples: [],
  handler: (ctx) => new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))),
});

const wrong = defineTool({
  name: "time.wrong",
  summary: "Return something else.",
  capability: "time.now",
  effect: "read",
  needs: [],
  input: none,
  output: v.strictObject({ n: v.number() }),
  examples: [],
  handler: () => ({ n: "one" }) as unknown as { n: number },
});

export const tools: readonly Tool[] = [writeNote, readNote, liar, keep, slow, wrong];

/** Says its script, one turn after the other. */
export function scripted(turns: readonly (readonly ProviderEvent[])[]) {
  return defineProvider({
    name: "offline",
    summary: "A script.",
    reach: null,
    async *stream(request) {
      yield* turns[request.messages.filter((message) => message.role === "assistant").length] ?? [{ type: "done" }];
    },
  });
}

export interface Estate {
  readonly directory: string;
  readonly home: Home;
  /** The witness file, outside the home. */
  readonly witness: string;
  /** Opens the home, closing the engine opened before. */
  open(options?: Partial<EngineOptions>): Promise<Engine>;
  close(): Promise<void>;
  /** The payload of the newest entry of a type, in a list; empty when there is none. */
  newest(type: string): Promise<readonly Json[]>;
}

/** Makes a new home before each test of the file and removes it after. */
export function useEstate(): Estate {
  let directory = "";
  let home = homeAt("/nonexistent");
  let engine: Engine | undefined;
  const close = async () => {
    await engine?.close();
    engine = undefined;
  };
  const witness = () => join(directory, "outside", "witness");
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "reeve-engine-"));
    home = homeAt(join(directory, "home"));
    seen.length = 0;
    await initHome({ home, witness: witness(), agent: "default", profile: "observer", force: false });
  });
  afterEach(async () => {
    await close();
    rmSync(directory, { recursive: true });
  });
  return {
    get directory() {
      return directory;
    },
    get home() {
      return home;
    },
    get witness() {
      return witness();
    },
    open: async (options = {}) => {
      await close();
      engine = await openEngine({ home, tools, providers: [scripted([])], version: "test", ...options });
      return engine;
    },
    close,
    newest: async (type) => {
      const entry = await engine?.keeper.ledger.latest(type);
      return entry ? [entry.payload] : [];
    },
  };
}
