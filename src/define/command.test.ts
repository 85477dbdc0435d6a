/** The flags a command line shows are those of the command's schema. */
import { expect, test } from "bun:test";
import * as v from "valibot";
import { faultCodes } from "../core/fault.ts";
import { integer } from "../core/schema.ts";
import { defineCommand, described, exitStatuses, flagsOf, option, toggle, unlisted } from "./command.ts";

const command = defineCommand({
  name: "speak",
  summary: "Speak.",
  positionals: ["words"],
  input: v.strictObject({
    words: option(v.array(v.string()), "WORD", "what to say"),
    message_file: described(v.string(), "FILE", "where it stands"),
    limit: v.optional(v.pipe(integer(1, 9), v.title("N"), v.description("how many")), 3),
    tone: option(v.picklist(["calm", "loud"]), "TONE", "how"),
    force: toggle("do it anyway"),
  }),
  run: () => ({ said: true }),
  render: () => "said",
});

test("each field is a flag of its type, with its placeholder, description, choices and default", () => {
  expect(flagsOf(command)).toEqual([
    {
      field: "words",
      flag: "--words",
      kind: "list",
      choices: [],
      placeholder: "WORD",
      description: "what to say",
      required: false,
      fallback: undefined,
      positional: true,
    },
    {
      field: "message_file",
      flag: "--message-file",
      kind: "text",
      choices: [],
      placeholder: "FILE",
      description: "where it stands",
      required: true,
      fallback: undefined,
      positional: false,
    },
    {
      field: "limit",
      flag: "--limit",
      kind: "number",
      choices: [],
      placeholder: "N",
      description: "how many",
      required: false,
      fallback: 3,
      positional: false,
    },
    {
      field: "tone",
      flag: "--tone",
      kind: "text",
      choices: ["calm", "loud"],
      placeholder: "TONE",
      description: "how",
      required: false,
      fallback: undefined,
      positional: false,
    },
    {
      field: "force",
      flag: "--force",
      kind: "switch",
      choices: [],
      placeholder: "FORCE",
      description: "do it anyway",
      required: false,
      fallback: false,
      positional: false,
    },
  ]);
});

test("the table of exit statuses has every fault once, in order, and the command's own words win", () => {
  const table = exitStatuses([
    { status: 14, meaning: "it differs" },
    { status: 20, meaning: "other" },
  ]);
  const numbers = table.map((row) => row.status);
  expect(numbers).toEqual(
    [...new Set([0, 20, ...Object.values(faultCodes).map((fault) => fault.exit)])].sort((a, b) => a - b),
  );
  expect(table.find((row) => row.status === 14)?.meaning).toBe("it differs");
  expect(table.find((row) => row.status === 10)?.meaning).toStartWith("permission_denied: ");
});

test("a flag that is not listed is a flag all the same", () => {
  const quiet = defineCommand({
    name: "listen",
    summary: "Listen.",
    input: v.strictObject({ ears: unlisted(v.array(v.string()), "EAR", "with what") }),
    run: () => ({}),
    render: () => "",
  });
  expect(flagsOf(quiet)).toMatchObject([{ flag: "--ears", kind: "list", placeholder: "EAR", hidden: true }]);
  expect(flagsOf(command).some((flag) => flag.hidden)).toBe(false);
});
