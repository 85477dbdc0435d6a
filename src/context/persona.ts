/** An agent's persona: files the operator owns, part of its system prompt in a fixed order. */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { asFault, systemErrorName } from "../core/fault.ts";
import { readPlainFile } from "./plain-file.ts";

/** In the order of the prompt. */
export const personaFiles = ["SOUL.md", "RULES.md", "TOOLS.md", "SPECPLAN.md", "DEVPLAN.md", "HANDOFF.md"] as const;

export interface PersonaText {
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
  readonly truncated: boolean;
}

/** The files that are there. Throws as `readPlainFile` does: a persona that cannot be read is not left out silently. */
export function readPersona(directory: string, max_bytes: number): readonly PersonaText[] {
  return personaFiles.flatMap((name) => {
    const file = readPlainFile(join(directory, name), max_bytes);
    return file && file.text.trim() !== "" ? [{ name, ...file }] : [];
  });
}

const seeds: Readonly<Record<string, string>> = {
  "SOUL.md": `You look after this machine for its owner. Be exact, brief and honest: say what you did, what you saw, and what you do not know.
`,
  "RULES.md": `- Look before you change anything, and change no more than was asked.
- When something is refused, say so and why; do not try to get around it.
- When you are unsure what is wanted, ask.
`,
};

/** Writes the seed texts that are missing and returns their names; what is there is never touched. */
export function seedPersona(directory: string): readonly string[] {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return Object.entries(seeds).flatMap(([name, text]) => (writeNew(join(directory, name), text) ? [name] : []));
}

function writeNew(path: string, text: string): boolean {
  try {
    const fd = openSync(path, "wx", 0o600);
    try {
      writeSync(fd, text);
    } finally {
      closeSync(fd);
    }
    return true;
  } catch (thrown) {
    if (systemErrorName(thrown) === "EEXIST") return false;
    throw asFault(thrown, path);
  }
}
