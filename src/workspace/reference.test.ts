/** The descent against a reference on random trees full of links: nothing is ever read or written but what lies inside. */
import { expect, test } from "bun:test";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { Fault } from "../core/fault.ts";
import { openWorkspace } from "./workspace.ts";

const name = fc.constantFrom("a", "b", "c");
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));
const target = fc.oneof(path, fc.constantFrom(".", "..", "../outside", "../outside/a", "a/..", "c/../..", "/", "/etc"));
const node = fc.oneof(
  fc.record({ is: fc.constant("file" as const), path }),
  fc.record({ is: fc.constant("dir" as const), path }),
  fc.record({ is: fc.constant("link" as const), path, target }),
);
const asked = fc.oneof(
  path,
  fc.array(fc.constantFrom("a", "b", "c", ".", ".."), { minLength: 1, maxLength: 5 }).map((all) => all.join("/")),
);

/** What the path is allowed to mean: every component a real directory, the last a regular file, none of them a link. */
function allowed(root: string, relative: string): boolean {
  if (relative.split("/").includes("..")) return false;
  let at = root;
  for (const part of relative.split("/").filter((each) => each !== ".")) {
    at = join(at, part);
    if (lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() !== false) return false;
  }
  return lstatSync(at).isFile() && realpathSync(at).startsWith(`${realpathSync(root)}/`);
}

test("on any tree, exactly the plain files inside can be read and replaced", async () => {
  const base = mkdtempSync(join(tmpdir(), "reeve-reference-"));
  let number = 0;
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(node, { maxLength: 10 }), fc.array(asked, { maxLength: 6 }), async (nodes, paths) => {
        const place = join(base, String(number++));
        const root = join(place, "workspace");
        mkdirSync(join(place, "outside/a"), { recursive: true });
        mkdirSync(root);
        for (const file of ["b", "a/a", "a/b"]) writeFileSync(join(place, "outside", file), "outside");
        for (const each of nodes) plant(root, each);
        const workspace = openWorkspace({ root, forbidden: [], undo: join(place, "undo") });
        const files = workspace.handle({ run_id: "run", call_id: "call", mutable: true, permits: () => true });
        for (const each of [...paths, ...nodes.map((planted) => planted.path)]) {
          const may = allowedOrFalse(root, each);
          const read = await files.read(each, 100).then(() => true, refusal);
          expect([each, read]).toEqual([each, may]);
          if (may) await files.write(each, new TextEncoder().encode("mine"));
          else if (isThere(join(root, each))) {
            expect(await files.write(each, new Uint8Array()).then(() => true, refusal)).toBe(false);
          }
        }
        for (const file of ["b", "a/a", "a/b"])
          expect(readFileSync(join(place, "outside", file), "utf8")).toBe("outside");
      }),
      { numRuns: 150 },
    );
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}, 60_000);

function allowedOrFalse(root: string, relative: string): boolean {
  try {
    return allowed(root, relative);
  } catch (cause) {
    // A component that is a file, or a link that goes round in circles.
    if (cause instanceof Error && "code" in cause) return false;
    throw cause;
  }
}

function refusal(cause: unknown): false {
  if (cause instanceof Fault && cause.code !== "internal") return false;
  throw cause;
}

/** Plants a node where there is room for it, never through a link. */
function plant(
  root: string,
  each: { readonly is: "file" | "dir" | "link"; readonly path: string; readonly target?: string },
): void {
  const at = join(root, each.path);
  try {
    if (realpathSync(dirname(at)) !== dirname(at)) return;
    if (each.is === "dir") mkdirSync(at);
    else if (each.is === "file") writeFileSync(at, "inside", { flag: "wx" });
    else symlinkSync(each.target ?? ".", at);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause) return;
    throw cause;
  }
}

function isThere(at: string): boolean {
  try {
    return lstatSync(at, { throwIfNoEntry: false }) !== undefined;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause) return false;
    throw cause;
  }
}
