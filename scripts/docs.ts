/** Writes the generated documents, or with `--check` says which of them are not what the source would make of them. */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { allCommands } from "../cmd/reeve/index.ts";
import { providers } from "../src/providers/index.ts";
import { tools } from "../src/tools/index.ts";
import { renderCatalogue } from "./catalogue.ts";
import { renderDependencies } from "./dependencies.ts";

const commands = await allCommands();

const root = dirname(import.meta.dir);

/** Path to content, formatted as `make fmt` would. */
export async function generated(): Promise<ReadonlyMap<string, string>> {
  const documents = new Map([
    ["docs/specs/catalog.md", renderCatalogue({ tools, providers, commands })],
    ["docs/security/dependencies.md", await renderDependencies(root)],
  ]);
  return new Map([...documents].map(([path, content]) => [path, formatted(path, content)]));
}

function formatted(path: string, content: string): string {
  const run = Bun.spawnSync([process.execPath, "fmt", `--stdin-filepath=${path}`], {
    cwd: root,
    stdin: Buffer.from(content),
  });
  if (run.exitCode !== 0) throw new Error(`bun fmt refused ${path}: ${run.stderr.toString()}`);
  return run.stdout.toString();
}

/** The documents whose file differs from what would be generated now. */
export async function stale(): Promise<readonly string[]> {
  const differs = await Promise.all(
    [...(await generated())].map(async ([path, content]) => {
      const file = Bun.file(join(root, path));
      return (await file.exists()) && (await file.text()) === content ? [] : [path];
    }),
  );
  return differs.flat();
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    const paths = await stale();
    for (const path of paths) console.error(`docs: ${path} is not current: run make docs`);
    process.exit(paths.length ? 1 : 0);
  }
  for (const [path, content] of await generated()) {
    writeFileSync(join(root, path), content);
    console.log(path);
  }
}
