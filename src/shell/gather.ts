/** What a reading of a line or of an argument vector comes to. */
import { asFault } from "../core/fault.ts";
import { settleArithmetic } from "./arithmetic.ts";
import { type Command, Reading, type Word } from "./reading.ts";

export interface Commands {
  /** Every simple command, in the order of the line, also those that may not be reached. */
  readonly commands: readonly Command[];
  /** Files the shell itself opens for its redirections. */
  readonly reads: readonly Word[];
  readonly writes: readonly Word[];
  /** Why the commands listed may not be all; empty when they are. */
  readonly unknown: readonly string[];
}

const maxReasons = 8;

export function gather(variables: readonly string[], read: (reading: Reading) => void): Commands {
  const reading = new Reading(variables);
  try {
    read(reading);
    settleArithmetic(reading);
  } catch (thrown) {
    reading.unknown(`it could not be read: ${asFault(thrown).message}`);
  }
  const { commands, reads, writes, moves } = reading;
  const relative = commands.find(({ words: [program] }) => program?.literal && /^[^/]+\//.test(program.text));
  if (moves && relative)
    reading.unknown(`it changes its directory and runs ${relative.words[0]?.text ?? ""} from there`);
  return { commands, reads, writes, unknown: [...reading.reasons].slice(0, maxReasons) };
}
