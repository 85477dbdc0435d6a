/** Attacks on the vault's values: each is put where it would come out, in some encoding, and looked for everywhere afterwards. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../core/clock.ts";
import { type Attack, area, unless, type Verdict } from "./attack.ts";
import type { Ground, Talked } from "./ground.ts";

type Encode = (secret: string) => string;

/** One way a secret gets out: what is done with the encoded value, and the texts others would see of it. */
interface Leak {
  readonly id: string;
  readonly title: string;
  readonly encode?: Encode;
  readonly out: (ground: Ground, value: string) => Promise<readonly unknown[]>;
}

const bytes = (text: string) => Buffer.from(text, "utf8");
const percent = (text: string) => [...bytes(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
const escaped = (text: string) => JSON.stringify(text).slice(1, -1);

/** Base64 of a longer text in which the secret begins `offset` bytes after a group. */
const within = (offset: number) => (text: string) => bytes(`${"x".repeat(3 + offset)}${text}`).toString("base64");

/** The part of such base64 that only the secret decides. */
function core(value: string, offset: number): string {
  return value.slice(4 + (offset ? 2 : 0), -4);
}

const encodings: readonly (readonly [id: string, what: string, encode: Encode])[] = [
  ["plain", "as it is", (text) => text],
  ["base64", "in base64", (text) => bytes(text).toString("base64")],
  ["base64url", "in the base64 of addresses", (text) => bytes(text).toString("base64url")],
  ["base64-1", "in base64, one byte into a group", within(1)],
  ["base64-2", "in base64, two bytes into a group", within(2)],
  ["hex", "in hexadecimal", (text) => bytes(text).toString("hex")],
  ["hex-upper", "in capital hexadecimal", (text) => bytes(text).toString("hex").toUpperCase()],
  ["percent", "percent-encoded", encodeURIComponent],
  ["percent-all", "percent-encoded to the last byte", percent],
  ["json", "with JSON's escapes", escaped],
  ["json-twice", "with JSON's escapes twice", (text) => escaped(escaped(text))],
];

function file(ground: Ground, text: string, name = "file"): string {
  const { name: directory, path } = ground.patch();
  writeFileSync(join(path, name), text);
  return `${directory}/${name}`;
}

const told = ({ result, heard, live }: Talked): readonly unknown[] => [result, heard, live];

const read = (ground: Ground, value: string) =>
  ground.as("worker", "fs.read", { path: file(ground, `key = ${value} ;\n`) });

const leaks: readonly Leak[] = [
  ...encodings.map(([id, what, encode]): Leak => ({
    id: `read-${id}`,
    title: `a file that holds the value ${what} is read`,
    encode,
    out: async (ground, value) => [await read(ground, value)],
  })),
  ...encodings.slice(0, 6).map(([id, what, encode]): Leak => ({
    id: `model-${id}`,
    title: `the value ${what} goes to the model as a result`,
    encode,
    out: async (ground, value) => {
      const path = file(ground, `key = ${value} ;\n`);
      return told(await ground.talk("worker", [{ calls: [{ tool: "fs_read", input: { path } }] }]));
    },
  })),
  {
    id: "search",
    title: "a search shows the line it is in",
    out: async (ground, value) => {
      const path = file(ground, `token ${value}\n`);
      return [await ground.as("worker", "code.search", { pattern: "token", path })];
    },
  },
  {
    id: "search-pattern",
    title: "it is what is searched for",
    out: async (ground, value) => [
      await ground.as("worker", "code.search", { pattern: value, path: file(ground, value) }),
    ],
  },
  {
    id: "not-found",
    title: "an error names a path that holds it",
    out: async (ground, value) => [
      await ground.as("worker", "fs.read", { path: value.replaceAll("/", "_").replaceAll('"', "_") }),
    ],
    encode: (text) => bytes(text).toString("hex"),
  },
  {
    id: "file-name",
    title: "a listing shows a file named like it",
    encode: (text) => bytes(text).toString("hex"),
    out: async (ground, value) => {
      const path = file(ground, "", value).split("/")[0] ?? "";
      return [await ground.as("worker", "fs.list", { path })];
    },
  },
  {
    id: "write",
    title: "an agent writes it to a file",
    out: async (ground, value) => [
      await ground.as("worker", "fs.write", { path: `${ground.patch().name}/new`, content: `copied ${value}` }),
    ],
  },
  {
    id: "edit",
    title: "an agent edits it into a file",
    out: async (ground, value) => [
      await ground.as("worker", "fs.edit", { path: file(ground, "here"), old: "here", new: `copied ${value}` }),
    ],
  },
  {
    id: "refused",
    title: "a call that is refused holds it",
    out: async (ground, value) => [await ground.as("bare", "fs.write", { path: "a", content: value })],
  },
  {
    id: "proposal",
    title: "a proposal to the operator holds it",
    out: async (ground, value) => [
      await ground.as("worker", "policy.revoke", { agent_id: "bare", capability: `fs.read:${value}` }),
    ],
  },
  {
    id: "question",
    title: "a question to the operator holds it",
    out: async (ground, value) => [await ground.as("petitioner", "fs.write", { path: "a", content: value })],
  },
  {
    id: "unknown-field",
    title: "it is the name of a field nobody knows",
    out: async (ground, value) => [await ground.as("worker", "fs.read", { path: "a", [value]: 1 })],
  },
  {
    id: "unknown-tool",
    title: "it is the name of a tool nobody knows",
    out: async (ground, value) => [await ground.as("worker", value, {})],
  },
  {
    id: "message",
    title: "the message that starts a run holds it",
    out: async (ground, value) =>
      told(await ground.talk("worker", [{ say: "done" }], { message: `my key is ${value} now` })),
  },
  {
    id: "answer",
    title: "a model answers with it",
    out: async (ground, value) => told(await ground.talk("worker", [{ say: `it is ${value} I think` }])),
  },
  {
    id: "answer-pieces",
    title: "a model answers with it in pieces",
    out: async (ground, value) => {
      const pieces = ["it is ", ...(value.match(/.{1,5}/gs) ?? []), " I think"];
      return told(await ground.talk("worker", [{ pieces }]));
    },
  },
  {
    id: "thinking",
    title: "a model thinks it",
    out: async (ground, value) => told(await ground.talk("worker", [{ think: `it is ${value}`, say: "well" }])),
  },
  {
    id: "arguments",
    title: "a model puts it into the arguments of a call",
    out: async (ground, value) => {
      const input = { path: `${ground.patch().name}/new`, content: value };
      return told(await ground.talk("worker", [{ calls: [{ tool: "fs_write", input }] }]));
    },
  },
  {
    id: "sub-agent",
    title: "a sub-agent is told it",
    out: async (ground, value) => {
      const task = `child-${ground.patch().name}`;
      const start = [{ calls: [{ tool: "agent_run", input: { task: `${task} use ${value} for it` } }] }];
      return told(await ground.talk("worker", start, { others: new Map([[task, [{ say: "done" }]]]) }));
    },
  },
];

/** What must stand nowhere: the value as it was put there, or of base64 within more the part that is the secret's. */
function needleOf({ id }: Leak, value: string): string {
  const offset = /base64-(\d)$/.exec(id)?.[1];
  return offset === undefined ? value : core(value, Number(offset));
}

function perform(leak: Leak, number: number): Attack["perform"] {
  return async (ground): Promise<Verdict> => {
    const value = (leak.encode ?? ((text: string) => text))(ground.secret(number));
    // The times of files are coarser than the clock.
    const began_ms = systemClock.now() - 50;
    const seen = await leak.out(ground, value);
    const needle = needleOf(leak, value);
    const spelled = [needle, escaped(needle), escaped(escaped(needle))];
    const records = ground.records(began_ms);
    const inRecords = spelled.some((each) => records.includes(Buffer.from(each, "utf8").toString("latin1")));
    const inSight = seen.some((each) => {
      const text = typeof each === "string" ? each : JSON.stringify(each);
      return [...spelled, escaped(escaped(escaped(needle)))].some((one) => text.includes(one));
    });
    const where = [inSight ? "to a caller or a model" : "", inRecords ? "into a record" : ""].filter(Boolean);
    return unless(where.length > 0, `the value came out ${where.join(" and ")}`);
  };
}

/** The whole home and all that models were told, whatever was done before: no value in any of the four plainest forms. */
async function everything(ground: Ground): Promise<Verdict> {
  const places = { "a record": ground.records(0), "what models were told": ground.traffic() };
  const forms = ground.secrets.flatMap((secret) => {
    const plain = Buffer.from(secret, "utf8").toString("latin1");
    return [plain, escaped(secret), bytes(secret).toString("base64"), bytes(secret).toString("hex")];
  });
  const all = [...forms, ...ground.secrets.map(encodeURIComponent)];
  const where = Object.entries(places).flatMap(([place, text]) =>
    all.some((form) => text.includes(form)) ? [place] : [],
  );
  return unless(where.length > 0, `a value stands in ${where.join(" and ")}`);
}

export const secrets = area("secrets", [
  ...leaks.map((leak, number) => ({
    id: leak.id,
    title: leak.title,
    expects: "scrubber" as const,
    perform: perform(leak, number),
  })),
  {
    id: "everything",
    title: "after all attacks the home and what models were told are searched for all values",
    expects: "scrubber",
    perform: everything,
  },
]);
