/** Questions on the terminal by clack, loaded only when one is asked; they go to stderr, since stdout is for results. */
import { Fault } from "../../../src/core/fault.ts";
import type { Prompts } from "../../../src/define/command.ts";

export function terminalPrompts(): Prompts {
  return {
    async text(message, initialValue) {
      const clack = await import("@clack/prompts");
      return answered(await clack.text({ message, initialValue, output: screen() }));
    },
    async hidden(message) {
      const clack = await import("@clack/prompts");
      return answered(await clack.password({ message, output: screen() }));
    },
    async choose(message, choices, initialValue) {
      const clack = await import("@clack/prompts");
      return answered(await clack.select({ message, options: [...choices], initialValue, output: screen() }));
    },
    async confirm(message, initialValue) {
      const clack = await import("@clack/prompts");
      return answered(await clack.confirm({ message, initialValue, output: screen() }));
    },
  };
}

/** A serial console says that it is 0 columns wide, and clack believes it. */
function screen(): typeof process.stderr {
  if (!process.stderr.columns) process.stderr.columns = 80;
  return process.stderr;
}

/** Clack answers with a symbol when Ctrl-C was pressed. */
function answered<T>(answer: T): Exclude<T, symbol> {
  if (typeof answer === "symbol") throw new Fault("canceled", "the question was not answered");
  return answer as Exclude<T, symbol>;
}
