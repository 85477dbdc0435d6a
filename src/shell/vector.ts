/** The commands of an argument vector in which no line of shell is hidden: most of them, and no grammar is loaded for those. */
import { type Commands, gather } from "./gather.ts";
import { readCommand } from "./unwrap.ts";

/** As `commandsOfArgv`; undefined where a line has to be read for it. */
export function plainCommandsOf(argv: readonly string[], variables: readonly string[] = []): Commands | undefined {
  let isPlain = true;
  const words = argv.map((text) => ({ text, literal: true }));
  const readLine = () => {
    isPlain = false;
  };
  const commands = gather(variables, (reading) => readCommand(words, { reading, posix: false, depth: 0 }, readLine));
  return isPlain ? commands : undefined;
}
