/**
 * Builds the executable: `build.ts` for this machine (dist/reeve), `build.ts x64 arm64` for release as well
 * (dist/reeve-linux-ARCH). Every build is made under the same file name, since the name goes into the bytes.
 */
import { copyFileSync, linkSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dir);
const dist = join(root, "dist");

/** Without --splitting every lazy import's built-ins run at start; without the two autoload flags a foreign directory's settings do. */
export const compileLine = [
  ...["build", "--compile", "--minify", "--bytecode", "--format=esm", "--splitting", "--reject-unresolved"],
  ...["--no-compile-autoload-bunfig", "--no-compile-autoload-dotenv"],
];

function build(architecture: string): string {
  const stage = join(dist, ".stage", architecture);
  mkdirSync(stage, { recursive: true });
  const outfile = join(stage, "reeve");
  const target = architecture === process.arch ? [] : [`--target=bun-linux-${architecture}`];
  const run = Bun.spawnSync([process.execPath, ...compileLine, ...target, "cmd/reeve/main.ts", "--outfile", outfile], {
    cwd: root,
    stdout: "ignore",
    stderr: "pipe",
  });
  if (run.exitCode !== 0) {
    console.error(run.stderr.toString());
    process.exit(1);
  }
  return outfile;
}

/** Puts the new file in the place of an old one that may be running. */
function place(built: string, name: string): void {
  const beside = join(dist, `.${name}.new`);
  rmSync(beside, { force: true });
  try {
    linkSync(built, beside);
  } catch (cause) {
    console.error(`build: no hard link (${String(cause)}), copying`);
    copyFileSync(built, beside);
  }
  renameSync(beside, join(dist, name));
  console.log(`dist/${name}`);
}

if (import.meta.main) {
  const wanted = process.argv.slice(2);
  for (const architecture of new Set([process.arch, ...wanted])) {
    const built = build(architecture);
    if (architecture === process.arch) place(built, "reeve");
    if (wanted.includes(architecture)) place(built, `reeve-linux-${architecture}`);
  }
  rmSync(join(dist, ".stage"), { recursive: true, force: true });
}
