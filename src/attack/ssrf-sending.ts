/** Attacks on what is sent and what comes back: places not granted, a ledger that fails, headers that are more, answers without end. */
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { unless } from "./attack.ts";
import type { Ground } from "./ground.ts";
import { answering, ask, type Input, inside, type Member, secretFor } from "./outbound.ts";
import { answer } from "./road.ts";

const [upper, hidden] = ["HTTPS://DENIED.Example./", "http://site.example/%61dmin"];

/** Requests that no grant covers or a rule denies. `narrow` holds GET site.example:80/open and little else. */
const ungranted: readonly (readonly [id: string, title: string, who: string, url: string, method?: string])[] = [
  ["bare", "an agent without any grant", "bare", "http://site.example/open"],
  ["ghost", "an agent that does not exist", "ghost", "http://site.example/open"],
  ["host", "another host", "narrow", "http://evil.example/open"],
  ["below", "a host below the one granted", "narrow", "http://a.site.example/open"],
  ["behind", "a host that begins like the one granted", "narrow", "http://site.example.evil.example/open"],
  ["before", "a host that ends like the one granted", "narrow", "http://evilsite.example/open"],
  ["apex", "the domain itself, where all below it is granted", "narrow", "http://wild.example/"],
  ["joined", "a name that ends like a granted domain", "narrow", "http://evilwild.example/"],
  ["port", "another port", "narrow", "http://site.example:8080/open"],
  ["tls", "the port of another scheme", "narrow", "https://site.example/open"],
  ["path", "another path", "narrow", "http://site.example/closed"],
  ["path-up", "another path by ..", "narrow", "http://site.example/open/../closed"],
  ["path-up-encoded", "another path by encoded dots", "narrow", "http://site.example/open/%2e%2e/closed"],
  ["path-beside", "a path that begins like the one granted", "narrow", "http://site.example/openly"],
  ["path-case", "the path in capitals", "narrow", "http://site.example/OPEN"],
  ["path-above", "the path above", "narrow", "http://site.example/"],
  ["method", "another method", "narrow", "http://site.example/open", "POST"],
  ["method-head", "a method beside the one granted", "narrow", "http://site.example/open", "HEAD"],
  ["denied", "a host that a rule denies", "roamer", "https://denied.example/"],
  ["denied-spelt", "that host in another spelling", "roamer", upper],
  ["denied-port", "that host at another port", "roamer", "http://denied.example:8080/"],
  ["denied-path", "a path that a rule denies", "roamer", "http://site.example/admin", "POST"],
  ["denied-below", "what lies beneath that path", "roamer", "http://site.example/admin/x", "POST"],
  ["denied-hidden", "that path with a letter encoded", "roamer", hidden, "POST"],
  ["clear", "in the clear, where the port is not named", "cloudy", "http://a.cloud.example/"],
];

const uncovered = ungranted.map(([id, title, who, url, method = "GET"]): Member => ({
  id: `ungranted-${id}`,
  title: `a request to what is not granted: ${title}`,
  expects: "egress-policy",
  perform: async (ground) => {
    await ask(ground, { url, method }, who).catch(() => undefined);
    return unless(ground.road.arrivals.length > 0, "it was sent");
  },
}));

const full = () => Promise.reject(new Error("no space left on device"));
const long_ms = 60;

const unwritten: readonly Member[] = [
  {
    id: "record-fails",
    title: "a request goes out while the ledger cannot be written",
    expects: "egress-record",
    perform: async (ground) => {
      ground.road.write = full;
      await ask(ground, { url: "http://site.example/" });
      return unless(ground.road.arrivals.length > 0, "it was sent");
    },
  },
  {
    id: "record-fails-later",
    title: "a redirect is followed while the ledger cannot be written any more",
    expects: "egress-record",
    perform: async (ground) => {
      ground.road.host = answering(ground, answer(302, { location: "/more" }), answer(200, {}));
      let left = 2;
      ground.road.write = (write) => (left-- > 0 ? write() : full());
      await ask(ground, { url: "http://site.example/" });
      if (ground.road.arrivals.length === 0) throw new Error("the first place was not reached");
      return unless(ground.road.arrivals.length > 1, "it was followed");
    },
  },
  {
    id: "record-waits",
    title: "a request goes out before the ledger has it",
    expects: "egress-record",
    perform: async (ground) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      ground.road.write = async (write) => {
        await promise;
        return write();
      };
      const asked = ask(ground, { url: "http://site.example/" });
      await Promise.race([asked, Bun.sleep(long_ms)]);
      const early = ground.road.arrivals.length;
      resolve();
      await asked;
      if (ground.road.arrivals.length !== 1) throw new Error("it was not sent afterwards either");
      return unless(early > 0, "it was sent before it was written down");
    },
  },
];

const evil = "1\r\nx-evil: 1";
const request = "1\r\n\r\nGET /admin HTTP/1.1\r\nhost: evil.example";

/** Headers of an agent, and what must not stand in the request that arrives. */
const headers: readonly (readonly [id: string, title: string, headers: Input, mark: RegExp])[] = [
  ["crlf", "a value that ends its line", { "x-a": evil }, /\r\nx-evil: 1/],
  ["lf", "a value with a line feed", { "x-a": "1\nx-evil: 1" }, /\nx-evil: 1/],
  ["cr", "a value with a carriage return", { "x-a": "1\rx-evil: 1" }, /\rx-evil: 1/],
  ["wide", "a value whose letters become a line's end", { "x-a": "1\u010d\u010ax-evil: 1" }, /\r\nx-evil: 1/],
  ["request", "a value with a whole request in it", { "x-a": request }, /\r\n\r\nGET \/admin/],
  ["name", "a name that ends its line", { "x-a: 1\r\nx-evil": "1" }, /\r\nx-evil: 1/],
  ["name-space", "a name with a space before its colon", { "x-evil ": "1" }, /x-evil :/],
  ["name-colon", "a name with a colon", { "x-evil:1": "1" }, /x-evil:1:/],
  ["name-fold", "a name that is a folded line", { " x-evil": "1" }, /\r\n x-evil/],
  ["host", "another host", { host: "evil.example" }, /\r\nhost: evil\.example/],
  ["host-case", "another host in capitals", { HOST: "evil.example" }, /\r\nHOST: evil\.example/],
  ["length", "a length of its own", { "content-length": "0" }, /content-length: 0/],
  ["chunks", "chunks and a length", { "transfer-encoding": "chunked" }, /transfer-encoding: chunked/],
  ["upgrade", "another protocol", { upgrade: "h2c" }, /upgrade: h2c/],
  ["connection", "headers taken out on the way", { connection: "close, host" }, /connection: close, host/],
  ["expect", "a wait for an answer", { expect: "100-continue" }, /expect: 100/],
  ["proxy", "a credential for a proxy", { "proxy-authorization": "Basic eDp5" }, /proxy-authorization/],
  ["twice", "one header twice", { "X-A": "1", "x-a": "2" }, /x-a: 1\r\nx-a: 2/i],
];

const spoken = headers.map(([id, title, given, mark]): Member => ({
  id: `header-${id}`,
  title: `a header is more than one: ${title}`,
  expects: "egress-headers",
  perform: async (ground) => {
    await ask(ground, { url: "http://site.example/", method: "POST", headers: given, body: "hello" });
    return unless(
      ground.road.arrivals.some(({ text }) => mark.test(text)),
      "it arrived so",
    );
  },
}));

const inSecret: Member = {
  id: "header-secret",
  title: "a header is more than one: a secret that ends its line",
  expects: "egress-headers",
  perform: async (ground) => {
    await secretFor(ground, "web/lines", ["vault.internal"], "\r\nx-evil: 1");
    ground.road.names.set("vault.internal", { a: [inside] });
    await ask(ground, { url: "http://vault.internal:8080/", headers: { "x-a": "{{secret:web/lines}}" } });
    return unless(
      ground.road.arrivals.some(({ text }) => text.includes("\r\nx-evil: 1")),
      "it arrived so",
    );
  },
};

const most_bytes = 1000;
const flood = "a".repeat(400_000);
const line = "HTTP/1.1 200 X\r\n";

/** Answers that hold more than was asked for. */
const bombs: readonly (readonly [id: string, title: string, answer: () => Uint8Array])[] = [
  ["length", "a body that is longer", () => answer(200, {}, flood)],
  ["endless", "a body without a length", () => Buffer.from(`${line}\r\n${flood}`)],
  ["chunks", "a body in chunks", () => Buffer.from(`${line}transfer-encoding: chunked\r\n\r\n${chunks()}`)],
  ["gzip", "a packed body, by gzip", () => answer(200, { "content-encoding": "gzip" }, gzipSync(flood))],
  ["deflate", "a packed body, by deflate", () => answer(200, { "content-encoding": "deflate" }, deflateSync(flood))],
  ["br", "a packed body, by brotli", () => answer(200, { "content-encoding": "br" }, brotliCompressSync(flood))],
];

function chunks(): string {
  const size = 4000;
  const one = `${size.toString(16)}\r\n${"a".repeat(size)}\r\n`;
  return `${one.repeat(flood.length / size)}0\r\n\r\n`;
}

const bursting = bombs.map(([id, title, bomb]): Member => ({
  id: `bomb-${id}`,
  title: `an answer is more than was asked for: ${title}`,
  expects: "egress-bounds",
  perform: async (ground) => {
    ground.road.host = answering(ground, bomb());
    const read = await lengthOf(ground);
    if (read === 0) throw new Error("nothing was read");
    return unless(read > most_bytes, `${read} bytes were taken`);
  },
}));

async function lengthOf(ground: Ground): Promise<number> {
  const result = await ask(ground, { url: "http://site.example/", max_response_bytes: most_bytes });
  if (!result.ok) throw new Error(result.fault.message);
  return (result.output as { readonly bytes: number }).bytes;
}

export const sendingAttacks: readonly Member[] = [...uncovered, ...unwritten, ...spoken, inSecret, ...bursting];
