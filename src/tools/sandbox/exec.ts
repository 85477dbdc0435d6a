/** sandbox.exec: any program whatever, held by walls alone: ring 1 with the workspace, ring 2 with nothing of it. */
import * as v from "valibot";
import { Fault } from "../../core/fault.ts";
import { resourceOf } from "../../core/schema.ts";
import { argument, bounds, confined, outcomeOf, surroundings } from "../../define/program.ts";
import { defineTool } from "../../define/tool.ts";

export const exec = defineTool({
  name: "sandbox.exec",
  summary: "Run any program behind walls: ring 2 sees an empty directory and no network, ring 1 what is named.",
  capability: "sandbox.exec",
  ...confined,
  input: () =>
    v.strictObject({
      argv: v.pipe(v.array(argument), v.minLength(1), v.maxLength(256)),
      ring: v.optional(resourceOf(v.picklist([1, 2]), "name"), 2),
      ...surroundings,
      fs_read: v.optional(surroundings.fs_read.wrapped, []),
      ...bounds,
    }),
  examples: [{ argv: ["factor", "1234567891"] }, { argv: ["wc", "-l", "data.csv"], ring: 1, fs_read: ["data.csv"] }],
  phrases: ["run a program in isolation", "execute something sealed off", "run an untrusted program"],
  async handler({ sandbox }, { ring, stdin, ...program }) {
    const { fs_read, fs_write, network, cwd } = program;
    if (ring === 2 && (fs_read.length > 0 || fs_write.length > 0 || network.length > 0 || cwd !== ".")) {
      throw new Fault("invalid_argument", "ring 2 has neither the workspace nor a network", {
        hint: "name ring 1 for what a program may touch, or pass data by stdin",
      });
    }
    const seen = ring === 2 ? null : fs_read;
    return outcomeOf(await sandbox.run({ ...program, fs_read: seen, stdin: stdin ?? null, files: {} }));
  },
});
