/** The fields that tools which run a program have in common. */
import * as v from "valibot";
import { integer, resourceOf } from "../core/schema.ts";
import type { ProgramFacts } from "./handles.ts";
import type { Flow } from "./tool.ts";

const path = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));
const paths = v.pipe(v.array(path), v.maxLength(64));
const text = v.pipe(v.string(), v.maxLength(65_536));

/** An argument of a program. */
export const argument = v.pipe(v.string(), v.maxLength(16_384));
export const argumentList = v.pipe(v.array(argument), v.maxLength(256));

/** How long it may take and what is kept of what it says. */
export const bounds = {
  timeout_ms: v.optional(integer(1, 3_600_000), 120_000),
  max_output_bytes: v.optional(integer(256, 1_048_576), 65_536),
};

/** What it works on and what it may touch; nothing is writable and nothing is reachable unless it is named. */
export const surroundings = {
  cwd: v.optional(path, "."),
  fs_read: v.optional(resourceOf(paths, "path", { capability: "fs.read" }), ["."]),
  fs_write: v.optional(resourceOf(paths, "path", { capability: "fs.write" }), []),
  network: v.optional(
    resourceOf(v.pipe(v.array(v.pipe(v.string(), v.maxLength(300))), v.maxLength(16)), "endpoint", {
      capability: "http.request",
    }),
    [],
  ),
  env: v.optional(v.record(v.pipe(v.string(), v.regex(/^[A-Za-z_]\w{0,127}$/)), text), {}),
  stdin: v.optional(v.pipe(v.string(), v.maxLength(1_048_576))),
};

/** What became of it. That it failed is said by its exit code and is no fault of the call. */
const outcome = v.strictObject({
  exit_code: v.nullable(v.number()),
  signal: v.nullable(v.string()),
  stdout: v.string(),
  stderr: v.string(),
  truncated: v.boolean(),
  ended_by: v.picklist(["exit", "timeout", "cpu", "memory", "processes", "output", "canceled"]),
  duration_ms: v.number(),
  changed: v.array(v.string()),
});

/** What tools that run a program declare alike. */
export const confined = {
  effect: "execute",
  needs: ["sandbox"],
  flow: flowOfProgram,
  /** The walls end the program at its own deadline, and what it changed is settled after that. */
  timeout_ms: 3_900_000,
  output: outcome,
} as const;

export function outcomeOf(facts: ProgramFacts): v.InferOutput<typeof outcome> {
  const { exit_code, signal, stdout, stderr, truncated, ended_by, duration_ms, changed } = facts;
  return { exit_code, signal, stdout, stderr, truncated, ended_by, duration_ms, changed: [...changed] };
}

/**
 * Without a way out a program stays inside its walls, and what it writes is undone with the run. That it could write what
 * acts by itself, such as hooks of a repository, is for the engine to see.
 */
function flowOfProgram({ network, fs_read, fs_write }: Asked): Flow {
  const goesOut = network.length > 0;
  return { untrusted: goesOut, private: fs_read.length > 0 || fs_write.length > 0, outward: goesOut };
}

type Asked = Readonly<Record<"network" | "fs_read" | "fs_write", readonly string[]>>;
