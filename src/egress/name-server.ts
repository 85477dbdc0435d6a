/**
 * A real name server over UDP on loopback that answers what it was told, for attacks and tests of the way out; several
 * answers to a name are given in turn.
 */
import { createSocket } from "node:dgram";

export interface NameAnswer {
  /** CNAMEs that lead to the addresses. */
  readonly chain?: readonly string[];
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  /** 2 SERVFAIL, 3 NXDOMAIN. */
  readonly code?: number;
  /** The same for the second family alone. */
  readonly aaaa_code?: number;
  readonly silent?: boolean;
}

export interface NameServer {
  /** `ADDRESS:PORT`. */
  readonly address: string;
  /** `NAME TYPE` of each question, the name in lower case. */
  readonly asked: readonly string[];
  set(name: string, ...answers: readonly NameAnswer[]): void;
  /** Every name has the usual answer again. */
  clear(): void;
  close(): void;
}

const types = { a: 1, cname: 5, aaaa: 28 } as const;

const notKnown: NameAnswer = { code: 3 };

/** `usual` is the answer about names nobody spoke of. */
export async function startNameServer(usual: NameAnswer = notKnown): Promise<NameServer> {
  const zone = new Map<string, readonly NameAnswer[]>();
  const turns = new Map<string, number>();
  const asked: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const { name, type, end } = question(query);
    asked.push(`${name} ${type}`);
    const answers = zone.get(name) ?? [usual];
    const turn = turns.get(`${name} ${type}`) ?? 0;
    turns.set(`${name} ${type}`, turn + 1);
    const answer = answers[Math.min(turn, answers.length - 1)] ?? {};
    if (!answer.silent) socket.send(reply(query.subarray(0, end), name, type, answer), from.port, from.address);
  });
  await new Promise<void>((done) => socket.bind(0, "127.0.0.1", done));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    set(name, ...answers) {
      zone.set(name, answers);
      for (const type of Object.values(types)) turns.delete(`${name} ${type}`);
    },
    clear() {
      zone.clear();
      turns.clear();
    },
    close: () => socket.close(),
  };
}

function question(query: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function reply(query: Buffer, asked: string, type: number, answer: NameAnswer): Buffer {
  const records: Buffer[] = [];
  let owner = asked;
  for (const next of answer.chain ?? []) {
    records.push(record(owner, types.cname, nameBytes(next)));
    owner = next;
  }
  if (type === types.a)
    for (const each of answer.a ?? []) records.push(record(owner, type, Buffer.from(each.split(".").map(Number))));
  if (type === types.aaaa) for (const each of answer.aaaa ?? []) records.push(record(owner, type, ipv6Bytes(each)));
  const head = Buffer.from(query);
  head.writeUInt16BE(0x8180 | ((type === types.aaaa ? answer.aaaa_code : undefined) ?? answer.code ?? 0), 2);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, ...records]);
}

function record(owner: string, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([nameBytes(owner), fixed, data]);
}

function nameBytes(name: string): Buffer {
  const labels = name
    .split(".")
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, "latin1")]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

/** Groups in full, or with one `::`; the last two also as IPv4. */
function ipv6Bytes(written: string): Buffer {
  const text = written.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: readonly string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = "", tail] = text.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const missing = 8 - groups(head).length - groups(tail ?? "").length;
  const all =
    tail === undefined ? groups(head) : [...groups(head), ...Array<string>(missing).fill("0"), ...groups(tail)];
  return Buffer.concat(all.map((each) => Buffer.from(each.padStart(4, "0"), "hex")));
}
