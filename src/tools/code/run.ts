/** code.run: a piece of code in the language named, behind the same walls as any program. */
import * as v from "valibot";
import { Fault } from "../../core/fault.ts";
import { resourceOf } from "../../core/schema.ts";
import { argumentList, bounds, confined, outcomeOf, surroundings } from "../../define/program.ts";
import { defineTool } from "../../define/tool.ts";

/** The file the code lies in, and what reads it. */
const languages = {
  python: { file: "main.py", argv: ["python3", "-I"] },
  node: { file: "main.mjs", argv: ["node"] },
  bun: { file: "main.ts", argv: ["bun", "run"] },
  bash: { file: "main.sh", argv: ["bash", "--noprofile", "--norc"] },
} as const;

export const run = defineTool({
  name: "code.run",
  summary: "Run a piece of Python, JavaScript, TypeScript or bash behind walls.",
  capability: "code.run",
  ...confined,
  input: () =>
    v.strictObject({
      language: resourceOf(v.picklist(["python", "node", "bun", "bash"]), "name"),
      code: v.pipe(v.string(), v.minLength(1), v.maxLength(262_144)),
      args: v.optional(argumentList, []),
      ...surroundings,
      ...bounds,
    }),
  examples: [{ language: "python", code: "print(sum(range(10)))" }],
  phrases: ["run some code", "execute a python script", "evaluate javascript", "compute with a short program"],
  async handler({ sandbox }, { language, code, args, stdin, ...program }) {
    const { file, argv } = languages[language];
    const given = [...argv, `/run/reeve/files/${file}`, ...args];
    try {
      return outcomeOf(await sandbox.run({ ...program, argv: given, stdin: stdin ?? null, files: { [file]: code } }));
    } catch (cause) {
      if (!(cause instanceof Fault) || cause.data?.["missing"] !== "program") throw cause;
      throw new Fault("not_found", `there is no ${argv[0]} on this machine`, {
        hint: "use another language, or ask the operator to install it",
        cause,
      });
    }
  },
});
