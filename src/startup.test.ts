/** What the built binary does before anything else: little, and nothing that the directory it is started in can decide. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileLine } from "../scripts/build.ts";
import { importsOf } from "../scripts/imports.ts";
import { version } from "../package.json";

const root = join(import.meta.dir, "..");
const binary = join(root, "dist/reeve");
const place = mkdtempSync(join(tmpdir(), "reeve-startup-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

function run(
  command: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
) {
  const child = Bun.spawnSync([...command], { cwd: options.cwd ?? place, env: options.env ?? {}, stdin: "ignore" });
  return { exit: child.exitCode, out: child.stdout.toString(), err: child.stderr.toString() };
}

describe("--version", () => {
  test("answers without HOME, without PATH and in a directory nothing can be written to", () => {
    expect(run([binary, "--version"], { cwd: "/proc" })).toEqual({ exit: 0, out: `reeve ${version}\n`, err: "" });
  });

  test("loads nothing but the entry and the manifest", async () => {
    const outdir = join(place, "chunks");
    const metafile = join(place, "meta.json");
    const entry = join(root, "cmd/reeve/main.ts");
    const flags = [
      "build",
      "--target=bun",
      "--format=esm",
      "--splitting",
      "--minify",
      `--outdir=${outdir}`,
      `--metafile=${metafile}`,
    ];
    expect(run([process.execPath, ...flags, entry], { cwd: root })).toMatchObject({ exit: 0 });
    const meta = (await Bun.file(metafile).json()) as {
      readonly outputs: Readonly<Record<string, Chunk>>;
    };
    const chunks = Object.values(meta.outputs);
    const first = chunks.find((chunk) => chunk.entryPoint === "cmd/reeve/main.ts");
    expect(
      Object.keys(first?.inputs ?? {}).filter((path) => path !== "cmd/reeve/main.ts" && path !== "package.json"),
    ).toEqual([]);
    expect(first?.imports.filter((each) => each.kind !== "dynamic-import").map((each) => each.path)).toEqual([]);
    expect(chunks.length).toBeGreaterThan(2);
  });

  test("has an entry that imports everything late but the manifest", async () => {
    const imports = importsOf(await Bun.file(join(root, "cmd/reeve/main.ts")).text());
    expect(imports.filter((each) => !each.dynamic).map((each) => each.specifier)).toEqual(["../../package.json"]);
    expect(imports.filter((each) => each.dynamic).length).toBeGreaterThan(0);
  });
});

interface Chunk {
  readonly entryPoint?: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly imports: readonly { readonly path: string; readonly kind: string }[];
}

/** A directory that tries to take over what is started in it. */
function hostileDirectory(): { readonly cwd: string; readonly marker: string } {
  const cwd = mkdtempSync(join(place, "hostile-"));
  const marker = join(cwd, "taken");
  writeFileSync(join(cwd, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
  writeFileSync(join(cwd, "preload.ts"), `require("node:fs").writeFileSync(${JSON.stringify(marker)}, "");\n`);
  writeFileSync(join(cwd, ".env"), "PLANTED=yes\n");
  return { cwd, marker };
}

describe("the directory it is started in", () => {
  const commands = [["--version"], ["version"], ["--help"]];
  test.each(commands)("cannot make `reeve %s` run a script through bunfig.toml", (...argv) => {
    const { cwd, marker } = hostileDirectory();
    expect(run([binary, ...argv], { cwd }).exit).toBe(0);
    expect(existsSync(marker)).toBe(false);
  });

  test("decides nothing in a program built with our line, and everything in one built without its two flags", () => {
    const source = join(place, "probe.ts");
    writeFileSync(source, 'console.log(process.env["PLANTED"] ?? "clean");\n');
    const probe = (name: string, line: readonly string[]) => {
      const outfile = join(place, name);
      expect(run([process.execPath, ...line, source, "--outfile", outfile])).toMatchObject({ exit: 0 });
      const { cwd, marker } = hostileDirectory();
      return { out: run([outfile], { cwd }).out.trim(), preloaded: existsSync(marker) };
    };
    expect(probe("ours", compileLine)).toEqual({ out: "clean", preloaded: false });
    const unguarded = compileLine.filter((flag) => !flag.startsWith("--no-compile-autoload"));
    expect(unguarded.length).toBe(compileLine.length - 2);
    expect(probe("unguarded", unguarded)).toEqual({ out: "yes", preloaded: true });
  });
});
