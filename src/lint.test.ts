/** The linter's bans, executable: each forbidden thing is planted and must be reported, and a clean tool must not be. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dir);

type Case = readonly (readonly [what: string, path: string, source: string, rule: string])[];

/** Names a tool or provider may not touch: every way to the world that needs no import. */
const globals =
  "Bun Buffer Function Request WebSocket Worker XMLHttpRequest EventSource eval fetch global globalThis navigator process require self";

const bans: Case = [
  ...["src/tools/fs", "src/providers"].flatMap((folder) => [
    ...globals
      .split(" ")
      .map(
        (name) =>
          [
            `${name} in ${folder}`,
            `${folder}/g-${name.toLowerCase()}.ts`,
            `export const a = [${name}];`,
            "noRestrictedGlobals",
          ] as const,
      ),
    ...["node:fs", "node:net", "fs", "fs/promises", "child_process", "undici", "bun", "bun:sqlite", "bun:ffi"].flatMap(
      (module, i) => [
        [
          `${module} imported in ${folder}`,
          `${folder}/s-${i}.ts`,
          `import * as a from "${module}";\nexport const b = a;`,
          "noRestrictedImports",
        ] as const,
        [
          `a type of ${module} in ${folder}`,
          `${folder}/t-${i}.ts`,
          `import type * as A from "${module}";\nexport type B = typeof A;`,
          "noRestrictedImports",
        ] as const,
        [
          `${module} imported late in ${folder}`,
          `${folder}/d-${i}.ts`,
          `export const a = () => import("${module}");`,
          "noRestrictedImports",
        ] as const,
        [
          `${module} re-exported from ${folder}`,
          `${folder}/r-${i}.ts`,
          `export { a } from "${module}";`,
          "noRestrictedImports",
        ] as const,
      ],
    ),
  ]),
  ["any", "src/core/any.ts", "export const a: any = 1;", "noExplicitAny"],
  [
    "a promise left floating",
    "src/core/floating.ts",
    "async function a(): Promise<void> {}\nexport function b() {\n  a();\n}",
    "noFloatingPromises",
  ],
  [
    "a promise as a condition",
    "src/core/misused.ts",
    "async function a(): Promise<boolean> {\n  return true;\n}\nexport function b() {\n  if (a()) return 1;\n  return 2;\n}",
    "noMisusedPromises",
  ],
  ["eval", "src/core/eval.ts", 'export const a = eval("1");', "noGlobalEval"],
  ["an enum", "src/core/enum.ts", "export enum A {\n  B,\n}", "noEnum"],
  ["a default export", "src/core/default.ts", "export default 1;", "noDefaultExport"],
  [
    "a type imported as a value",
    "src/core/type.ts",
    'import { A } from "./a.ts";\nexport const b = (a: A) => a;',
    "useImportType",
  ],
  ["a file not in kebab-case", "src/core/notKebab.ts", "export const a = 1;", "useFilenamingConvention"],
  ["console", "src/core/console.ts", "console.log(1);", "noConsole"],
  ["a namespace", "src/core/namespace.ts", "export namespace A {\n  export const b = 1;\n}", "noNamespace"],
  ["a barrel", "src/core/barrel.ts", 'export * from "./a.ts";', "noReExportAll"],
  ["a non-null assertion", "src/core/bang.ts", "export const a = (b?: string) => b!;", "noNonNullAssertion"],
  [
    "something thrown that is no error",
    "src/core/throw.ts",
    'export const a = () => {\n  throw "b";\n};',
    "useThrowOnlyError",
  ],
  [
    "a file over 400 lines",
    "src/core/long.ts",
    `${"// x\n".repeat(401)}export const a = 1;`,
    "noExcessiveLinesPerFile",
  ],
  [
    "an entry over 40 lines",
    "cmd/reeve/main.ts",
    `${"// x\n".repeat(41)}export const a = 1;`,
    "noExcessiveLinesPerFile",
  ],
  [
    "a skipped test",
    "src/core/skip.test.ts",
    'import { test } from "bun:test";\ntest.skip("a", () => {});',
    "noSkippedTests",
  ],
  [
    "a focused test",
    "src/core/only.test.ts",
    'import { test } from "bun:test";\ntest.only("a", () => {});',
    "noFocusedTests",
  ],
];

const clean = {
  "src/tools/fs/clean.ts":
    'import * as v from "valibot";\nexport const a = v.object({});\nexport const b = (ctx: { fetch(u: string): string }) => ctx.fetch("u");',
};

const place = mkdtempSync(join(tmpdir(), "reeve-lint-"));
const reported = new Map<string, Set<string>>();

beforeAll(() => {
  cpSync(join(root, "biome.json"), join(place, "biome.json"));
  cpSync(join(root, "package.json"), join(place, "package.json"));
  const sources = { ...Object.fromEntries(bans.map(([, path, source]) => [path, source])), ...clean };
  for (const [path, source] of Object.entries(sources)) {
    mkdirSync(dirname(join(place, path)), { recursive: true });
    writeFileSync(join(place, path), `${source}\n`);
  }
  const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
  const lint = Bun.spawnSync([process.execPath, biome, "lint", "--max-diagnostics=none", "--reporter=github"], {
    cwd: place,
  });
  for (const line of lint.stdout.toString().split("\n")) {
    const [, rule, path] = /^::error title=lint\/\w+\/(\w+),file=(?:[^,]*\/)?((?:src|cmd)\/[^,]+),/.exec(line) ?? [];
    if (rule && path) reported.set(path, (reported.get(path) ?? new Set()).add(rule));
  }
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

test.each(bans)("the linter refuses %s", (_what, path, _source, rule) => {
  expect([...(reported.get(path) ?? [])]).toContain(rule);
});

test("the linter lets a tool use its handles and valibot", () => {
  for (const path of Object.keys(clean)) expect(reported.get(path)).toBeUndefined();
});
