/** shell.exec: a program with its arguments, or a line of shell of whose commands each is allowed. */
import * as v from "valibot";
import { Fault } from "../../core/fault.ts";
import { resourceOf } from "../../core/schema.ts";
import { argument, argumentList, bounds, confined, outcomeOf, surroundings } from "../../define/program.ts";
import { defineTool } from "../../define/tool.ts";

export const exec = defineTool({
  name: "shell.exec",
  summary: "Run a command in the workspace behind walls: a program with args, or a line of bash.",
  capability: "shell.exec",
  ...confined,
  input: () =>
    v.strictObject({
      line: v.optional(resourceOf(v.pipe(v.string(), v.minLength(1), v.maxLength(16_384)), "line")),
      command: v.optional(resourceOf(v.pipe(argument, v.minLength(1)), "command")),
      args: v.optional(argumentList, []),
      ...surroundings,
      ...bounds,
    }),
  examples: [
    { command: "grep", args: ["-rn", "TODO", "src"] },
    { line: "sort data.csv | uniq -c > counts.txt", fs_write: ["."] },
  ],
  phrases: ["run a command", "execute a shell command", "run a program with arguments", "run a line of bash"],
  async handler({ sandbox }, { command, args, line, stdin, ...program }) {
    if ((command === undefined) === (line === undefined)) {
      throw new Fault("invalid_argument", "shell.exec takes either a command or a line", {
        hint: "give command and args for one program, line for anything a shell has to read",
      });
    }
    if (line !== undefined && args.length > 0) {
      throw new Fault("invalid_argument", "a line takes no args", { hint: "write them into the line" });
    }
    const argv = command === undefined ? ["bash", "--noprofile", "--norc", "-c", line ?? ""] : [command, ...args];
    return outcomeOf(await sandbox.run({ ...program, argv, stdin: stdin ?? null, files: {} }));
  },
});
