/** What the README tells people to type works, typed literally and in that order. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const place = mkdtempSync(join(tmpdir(), "reeve-readme-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const readme = await Bun.file(join(root, "README.md")).text();
const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => (match[1] ?? "").trim().split("\n"));
const [quickStart, ...later] = blocks;

test("the quick start is exactly two commands", () => {
  expect(quickStart).toEqual(["make run", "make test"]);
});

test("every other line ends as the text says", () => {
  const bin = join(place, "bin");
  mkdirSync(bin);
  symlinkSync(join(root, "dist/reeve"), join(bin, "reeve"));
  const env = {
    HOME: place,
    XDG_STATE_HOME: join(place, "state"),
    PATH: `${bin}:/usr/bin:/bin`,
    TOKEN: "t0ken-of-the-readme",
  };
  let cwd = place;
  const lines = later.flat().filter((line) => line !== "" && !/^(?:make|sudo) /.test(line));
  const ends = lines.map((line) => {
    const run = Bun.spawnSync(["bash", "-euo", "pipefail", "-c", line], { cwd, env, stdin: "ignore" });
    const entered = / && cd (\S+)$/.exec(line)?.[1];
    if (entered) cwd = join(cwd, entered);
    return { line, exit: run.exitCode, err: run.exitCode === 0 ? "" : run.stderr.toString() };
  });
  const refused = "--as agent:default --message '/tool fs.write";
  for (const { line, exit, err } of ends) {
    const wanted = line.includes(refused) ? { line, exit: 10 } : { line, exit: 0, err: "" };
    expect({ line, exit, err }).toMatchObject(wanted);
  }
  expect(ends.filter((end) => end.line.includes(refused)).length).toBe(1);
  expect(ends.length).toBeGreaterThan(12);
  // One of the lines carries out every attack there is.
}, 240_000);

test("every file it points to exists", () => {
  const targets = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1] ?? "");
  expect(targets.filter((target) => !existsSync(join(root, target)))).toEqual([]);
  expect(targets.length).toBeGreaterThan(8);
});
