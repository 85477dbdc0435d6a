/** The arrows of the house, executable: who may import whom, who owns which package and power, and what a file may look like. */
import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { posix } from "node:path";
import { folderOf, findings as findingsIn, type House } from "../scripts/house.ts";

/** Each folder and the folders it may import. A folder may name only folders above it, so a cycle cannot be written. */
const arrows: House["arrows"] = [
  ["core", []],
  ["define", ["core"]],
  ["crypto", ["core"]],
  ["store", ["core"]],
  ["sandbox", ["core"]],
  ["shell", ["core"]],
  ["egress", ["core", "define", "crypto", "store"]],
  ["context", ["core", "define"]],
  ["tools", ["core", "define"]],
  ["providers", ["core", "define"]],
  ["ledger", ["core", "crypto", "store"]],
  ["vault", ["core", "crypto"]],
  ["policy", ["core", "define"]],
  ["config", ["core", "define"]],
  ["workspace", ["core", "define"]],
  ["machine", ["core", "define"]],
  [
    "engine",
    [
      "core",
      "define",
      "crypto",
      "store",
      "sandbox",
      "shell",
      "egress",
      "context",
      "ledger",
      "vault",
      "policy",
      "config",
      "workspace",
      "machine",
    ],
  ],
  ["doctor", ["core", "define", "sandbox", "policy", "config", "vault", "ledger", "store", "engine"]],
  [
    "attack",
    [
      "core",
      "define",
      "crypto",
      "store",
      "sandbox",
      "shell",
      "egress",
      "ledger",
      "vault",
      "policy",
      "config",
      "workspace",
      "engine",
    ],
  ],
  ["services", ["core", "define", "crypto", "store", "sandbox", "egress", "ledger", "config", "engine"]],
];
const everything = arrows.map(([folder]) => folder);
const composition: House["composition"] = {
  cmd: everything,
  bench: [...everything, "cmd", "scripts"],
  scripts: [...everything, "cmd"],
};

/** Who may import a package or a built-in module; the longest matching prefix counts. What is not here may not be imported. */
const owners: House["owners"] = [
  ["valibot", "any"],
  ["@valibot/to-json-schema", ["core"]],
  ["@noble/", ["crypto"]],
  ["age-encryption", ["vault"]],
  ["jsonc-parser", ["core", "config", "policy"]],
  ["commander", ["cmd"]],
  ["@clack/prompts", ["cmd"]],
  ["undici/index.js", ["egress"]],
  ["openai", ["providers"]],
  ["@anthropic-ai/sdk", ["providers"]],
  ["@cfworker/json-schema", ["engine"]],
  ["unbash", ["shell"]],
  ["croner", ["routines"]],
  ["ink", ["tui", "web"]],
  ["react", ["tui", "web"]],
  ["bun", "any"],
  ["bun:sqlite", ["store"]],
  ["bun:ffi", ["workspace", "sandbox", "services"]],
  ["node:", "any"],
  ["node:child_process", ["sandbox"]],
  ["node:cluster", []],
  ["node:module", []],
  ["node:vm", []],
  ["node:inspector", []],
  ["node:dgram", ["egress"]],
  ["node:dns", ["egress"]],
  ["node:http", ["egress", "attack"]],
  ["node:https", ["egress"]],
  ["node:http2", ["egress"]],
  ["node:net", ["egress", "attack"]],
  ["node:tls", ["egress"]],
];

/** Powers that need no import, and the folder that owns each: processes belong to the sandbox, sockets to egress. */
const powers: House["powers"] = [
  ["Bun.spawn", ["sandbox"]],
  ["Bun.spawnSync", ["sandbox"]],
  ["Bun.$", ["sandbox"]],
  ["Bun.connect", ["egress"]],
  ["Bun.listen", ["egress", "attack"]],
  ["Bun.serve", ["egress"]],
  ["Bun.udpSocket", ["egress", "attack"]],
  ["fetch", ["egress"]],
  ["WebSocket", ["egress"]],
  ["eval", []],
];

const findings = (path: string, source: string) => findingsIn({ arrows, composition, owners, powers }, path, source);

async function houseFiles(): Promise<readonly string[]> {
  const root = posix.dirname(import.meta.dir);
  return [...new Glob("{src,cmd,bench,scripts}/**/*.{ts,tsx}").scanSync(root)].sort();
}

const read = (path: string) => Bun.file(posix.join(posix.dirname(import.meta.dir), path)).text();

describe("the house", () => {
  test("every file keeps the rules", async () => {
    const paths = await houseFiles();
    const found = await Promise.all(paths.map(async (path) => findings(path, await read(path))));
    expect(found.flat()).toEqual([]);
    expect(paths.length).toBeGreaterThan(20);
  });

  test("every folder is in the table", async () => {
    const known = new Set(["house", ...everything, ...Object.keys(composition)]);
    expect([...new Set((await houseFiles()).map(folderOf))].filter((folder) => !known.has(folder))).toEqual([]);
  });

  test("the table names only folders above, so there is no cycle", () => {
    for (const [i, [folder, allowed]] of arrows.entries()) {
      const above = everything.slice(0, i);
      expect({ folder, below: allowed.filter((each) => !above.includes(each)) }).toEqual({ folder, below: [] });
    }
  });
});

describe("each rule catches its sabotage", () => {
  const doc = "/** A thing. */\n";
  const planted: readonly (readonly [rule: string, path: string, source: string, words: string])[] = [
    [
      "a static import against the arrows",
      "src/core/x.ts",
      'import { a } from "../policy/a.ts";',
      "core may not import policy",
    ],
    [
      "a type-only import",
      "src/tools/fs/x.ts",
      'import type { A } from "../../engine/a.ts";',
      "tools may not import engine",
    ],
    [
      "a type taken by import()",
      "src/policy/x.ts",
      'export type A = import("../vault/a.ts").A;',
      "policy may not import vault",
    ],
    [
      "a dynamic import",
      "src/ledger/x.ts",
      'const a = await import("../policy/a.ts");',
      "ledger may not import policy",
    ],
    ["a re-export", "src/store/x.ts", 'export { a } from "../ledger/a.ts";', "store may not import ledger"],
    [
      "an import hidden in a template",
      "src/core/x.ts",
      'const a = `${await import("../vault/a.ts")}`;',
      "core may not import vault",
    ],
    [
      "the engine importing a tool",
      "src/engine/x.ts",
      'import { tools } from "../tools/index.ts";',
      "engine may not import tools",
    ],
    [
      "the engine importing a command",
      "src/engine/x.ts",
      'import { a } from "../../cmd/reeve/a.ts";',
      "engine may not import cmd",
    ],
    [
      "a test looking above its layer",
      "src/ledger/x.test.ts",
      'import { a } from "../engine/a.ts";',
      "ledger may not import engine",
    ],
    [
      "product code importing a script",
      "src/core/x.ts",
      'import { a } from "../../scripts/a.ts";',
      "core may not import scripts",
    ],
    ["a computed import", "src/core/x.ts", 'await import("./" + name);', "imports something computed"],
    [
      "a made-up require",
      "src/core/x.ts",
      'import { createRequire } from "node:module";',
      "core does not own node:module",
    ],
    ["require through import.meta", "src/core/x.ts", 'import.meta.require("fs");', "imports something computed"],
    [
      "a package outside its owner",
      "src/vault/x.ts",
      'import { sha256 } from "@noble/hashes/sha2.js";',
      "vault does not own @noble/hashes/sha2.js",
    ],
    [
      "SQLite outside the store",
      "src/ledger/x.ts",
      'import { Database } from "bun:sqlite";',
      "ledger does not own bun:sqlite",
    ],
    ["an unknown package", "src/core/x.ts", 'import pad from "left-pad";', "core does not own left-pad"],
    [
      "a package whose name begins like an owned one",
      "cmd/reeve/x.ts",
      'import a from "commander-extra";',
      "cmd does not own commander-extra",
    ],
    [
      "commander outside cmd",
      "src/engine/x.ts",
      'import { Command } from "commander";',
      "engine does not own commander",
    ],
    ["the stub undici", "src/egress/x.ts", 'import { ProxyAgent } from "undici";', "which ignores proxies"],
    ["the stub undici in a test", "src/core/x.test.ts", 'import { fetch } from "undici";', "which ignores proxies"],
    [
      "a socket module outside egress",
      "src/machine/x.ts",
      'import { connect } from "node:net";',
      "machine does not own node:net",
    ],
    [
      "a resolver by its promise form",
      "src/machine/x.ts",
      'import { lookup } from "node:dns/promises";',
      "machine does not own node:dns/promises",
    ],
    [
      "a child process outside the sandbox",
      "src/machine/x.ts",
      'import { spawn } from "node:child_process";',
      "machine does not own node:child_process",
    ],
    [
      "a built-in module in a tool",
      "src/tools/fs/x.ts",
      'import { readFileSync } from "node:fs";',
      "tools may not import node:fs",
    ],
    [
      "a runtime module in a provider",
      "src/providers/x.ts",
      'import { file } from "bun";',
      "providers may not import bun",
    ],
    ["import.meta in a tool", "src/tools/fs/x.ts", "const here = import.meta.dir;", "tools may not use import.meta"],
    ["a spawn outside the sandbox", "src/engine/x.ts", 'Bun.spawn(["id"]);', "engine does not own Bun.spawn"],
    ["fetch outside egress", "cmd/reeve/x.ts", 'await fetch("https://example.org");', "cmd does not own fetch"],
    ["fetch passed as a value", "src/engine/x.ts", "const get = fetch;", "engine does not own fetch"],
    [
      "a handler called past the door",
      "cmd/reeve/x.ts",
      "await tool.handler(ctx, input);",
      "reaches a handler past the door",
    ],
    [
      "a handler called by index",
      "src/doctor/x.ts",
      'await tool["handler"](ctx, input);',
      "reaches a handler past the door",
    ],
    [
      "a handler taken out of its tool",
      "src/config/x.ts",
      "const { handler } = tool;",
      "reaches a handler past the door",
    ],
    [
      "a handler called from another's test",
      "src/policy/x.test.ts",
      "await tool.handler(ctx, input);",
      "reaches a handler past the door",
    ],
    [
      "a cause dropped",
      "src/core/x.ts",
      'try { a(); } catch (e) { throw new Fault("internal", "no"); }',
      "drops its cause",
    ],
    [
      "a cause dropped without a name",
      "src/core/x.ts",
      'try { a(); } catch { throw new Fault("internal", "no"); }',
      "drops its cause",
    ],
    ["a file over 400 lines", "src/core/x.ts", "\n".repeat(400), "has more than 400 lines"],
    ["an entry over 40 lines", "cmd/reeve/main.ts", "\n".repeat(40), "has more than 40 lines"],
    ["a file named utils", "src/core/utils.ts", "", "says nothing"],
    ["a folder named helpers", "src/core/helpers/x.ts", "", "says nothing"],
    ["a file named types", "src/policy/types.ts", "", "says nothing"],
    ["a vague export", "src/core/x.ts", "export class RunManager {}", "the name RunManager says nothing"],
    ["an import without its extension", "src/core/x.ts", 'import { a } from "./a";', "without .ts"],
  ];
  test.each(planted)("%s", (_rule, path, source, words) => {
    expect(findings(path, doc + source).join("\n")).toContain(words);
  });

  test("a file that does not say what it is", () => {
    expect(findings("src/core/x.ts", "export const a = 1;\n")).toEqual([
      "src/core/x.ts:1: does not begin with a sentence saying what this is",
    ]);
  });

  const innocent: readonly (readonly [what: string, path: string, source: string])[] = [
    ["an import in a comment", "src/core/x.ts", '// import { a } from "../policy/a.ts"\n/* await import("x") */'],
    ["an import in a string", "src/core/x.ts", "const a = 'import { a } from \"../policy/a.ts\"';"],
    [
      "a fault that keeps its cause",
      "src/core/x.ts",
      'try { a(); } catch (cause) { throw new Fault("internal", "no", { cause }); }',
    ],
    ["a method named fetch", "src/engine/x.ts", "ctx.fetch(1);"],
    ["a method named require", "src/workspace/x.ts", 'site.require("read", names);'],
    ["the door itself", "src/engine/call.ts", "await tool.handler(ctx, input);"],
    ["a tool's own test", "src/tools/fs/x.test.ts", 'import { a } from "node:fs"; await tool.handler(ctx, input);'],
    ["crypto of any length", "src/crypto/x.ts", "\n".repeat(900)],
    [
      "a tool of valibot and define",
      "src/tools/fs/x.ts",
      'import * as v from "valibot"; import { a } from "../../define/tool.ts";',
    ],
  ];
  test.each(innocent)("and leaves %s alone", (_what, path, source) => {
    expect(findings(path, doc + source)).toEqual([]);
  });
});
