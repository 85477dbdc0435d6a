/** Attacks on the reading of a proxy's request: heads that mean one thing here and another there, and places that are none. */
import { refusedAuthorities } from "../egress/forms.ts";
import { unless } from "./attack.ts";
import { atGateway, type Gateway, headOf, host, place, reached, through } from "./gateway.ts";
import type { Ground } from "./ground.ts";
import type { Member } from "./outbound.ts";
import { helloFor } from "./tls-hello.ts";

const evil = "evil.example:443";

/** Lines of a head that would be good without what is named; `{auth}` is the line with the token. */
const heads: readonly (readonly [id: string, title: string, head: string])[] = [
  ["absolute", "a request with a whole address", `GET https://${place}/ HTTP/1.1\r\nHost: ${place}\r\n{auth}\r\n`],
  ["post", "another method", `POST ${place} HTTP/1.1\r\nHost: ${place}\r\n{auth}\r\n`],
  ["lower", "the method in small letters", `connect ${place} HTTP/1.1\r\nHost: ${place}\r\n{auth}\r\n`],
  ["spaces", "two spaces", `CONNECT  ${place} HTTP/1.1\r\nHost: ${place}\r\n{auth}\r\n`],
  ["tab", "a tab for a space", `CONNECT\t${place}\tHTTP/1.1\r\nHost: ${place}\r\n{auth}\r\n`],
  ["two-places", "two places", `CONNECT ${place} ${evil} HTTP/1.1\r\nHost: ${place}\r\n{auth}\r\n`],
  ["version-none", "no version", `CONNECT ${place}\r\nHost: ${place}\r\n{auth}\r\n`],
  ["version-2", "another version", `CONNECT ${place} HTTP/2.0\r\nHost: ${place}\r\n{auth}\r\n`],
  ["version-long", "a version of three numbers", `CONNECT ${place} HTTP/1.1.1\r\nHost: ${place}\r\n{auth}\r\n`],
  ["empty-line", "an empty line before it", `\r\nCONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n{auth}\r\n`],
  ["lf", "line feeds alone", `CONNECT ${place} HTTP/1.1\nHost: ${place}\n{auth}\n`],
  ["lf-one", "one line feed alone", `CONNECT ${place} HTTP/1.1\r\nX: 1\nHost: ${evil}\r\nHost: ${place}\r\n{auth}\r\n`],
  ["cr", "a carriage return in a line", `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nX: a\rb\r\n{auth}\r\n`],
  ["nul", "a NUL in a line", `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nX: a\0b\r\n{auth}\r\n`],
  ["high", "a byte beyond ASCII", `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nX: \xff\r\n{auth}\r\n`],
  ["folded", "a folded line", `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nX: a\r\n b\r\n{auth}\r\n`],
  ["colon", "a space before a colon", `CONNECT ${place} HTTP/1.1\r\nHost : ${place}\r\nHost: ${place}\r\n{auth}\r\n`],
  ["no-colon", "a line without a colon", `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nX\r\n{auth}\r\n`],
  ["no-host", "no Host", `CONNECT ${place} HTTP/1.1\r\n{auth}\r\n`],
  ["host-other", "a Host that is another", `CONNECT ${place} HTTP/1.1\r\nHost: ${evil}\r\n{auth}\r\n`],
  ["host-port", "a Host with another port", `CONNECT ${place} HTTP/1.1\r\nHost: ${host}:8443\r\n{auth}\r\n`],
  ["host-empty", "an empty Host", `CONNECT ${place} HTTP/1.1\r\nHost:\r\n{auth}\r\n`],
  ["host-user", "a Host with a user", `CONNECT ${place} HTTP/1.1\r\nHost: x@${place}\r\n{auth}\r\n`],
  ["host-twice", "two Hosts", `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nHost: ${evil}\r\n{auth}\r\n`],
  ["host-same", "the same Host twice", `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nhost: ${place}\r\n{auth}\r\n`],
  ["length", "a length", `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nContent-Length: 5\r\n{auth}\r\n`],
  ["chunks", "chunks", `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nTransfer-Encoding: chunked\r\n{auth}\r\n`],
  ["upgrade", "another protocol", `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nUpgrade: h2c\r\n{auth}\r\n`],
  [
    "expect",
    "a wait for an answer",
    `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nExpect: 100-continue\r\n{auth}\r\n`,
  ],
  ["auth-twice", "two tokens", `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n{auth}{auth}\r\n`],
  [
    "pipelined",
    "a second request behind it",
    `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n{auth}\r\nGET / HTTP/1.1\r\n\r\n`,
  ],
  ["many", "65 headers", `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n${"X: 1\r\n".repeat(63)}{auth}\r\n`],
  ["large", "17 KiB", `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nX: ${"x".repeat(17_000)}\r\n{auth}\r\n`],
];

function withToken(head: string, { issue }: Gateway): string {
  const credentials = Buffer.from(`run-1:${issue().token}`).toString("base64");
  return head.replaceAll("{auth}", () => `Proxy-Authorization: Basic ${credentials}\r\n`);
}

const misread = heads.map(([id, title, head]): Member => ({
  id: `head-${id}`,
  title: `a head with ${title}`,
  expects: "egress-head",
  perform: (ground) =>
    atGateway(ground, async (on) => {
      await through(on.connect(), withToken(head, on));
      return reached(ground);
    }),
}));

const others: readonly Member[] = [
  {
    id: "head-early",
    title: "a hello sent before the answer",
    expects: "egress-head",
    perform: (ground) =>
      atGateway(ground, async (on) => {
        const head = Buffer.from(headOf(place, on.issue().token), "latin1");
        await through(on.connect(), Buffer.concat([head, helloFor(host)]));
        return reached(ground);
      }),
  },
  {
    id: "head-slow",
    title: "a head that takes longer than it may",
    expects: "egress-head",
    perform: (ground) =>
      atGateway(
        ground,
        async (on) => {
          const head = headOf(place, on.issue().token);
          const client = on.connect().send(head.slice(0, 20));
          await Promise.race([client.ended, Bun.sleep(250)]);
          await through(client, head.slice(20));
          return reached(ground);
        },
        { limits: { head_timeout_ms: 50 } },
      ),
  },
];

/** Authorities by what they are, so that a row tells which are let through. One that ends in the middle is for heads. */
const kinds: readonly (readonly [id: string, title: string, isOne: (authority: string) => boolean])[] = [
  ["address", "addresses", (text) => /^(?:\[|[\d.x]+:443$|::)/.test(text)],
  ["local", "local names", (text) => /^(?:localhost|metadata)/.test(text)],
  ["spelt", "other spellings", (text) => !/^(?:\[|[\d.x]+:443$|::|localhost|metadata)/.test(text)],
];

const misplaced = kinds.map(([id, title, isOne]): Member => {
  const authorities = refusedAuthorities.filter((each) => !/\s/.test(each) && isOne(each));
  return {
    id: `authority-${id}`,
    title: `${authorities.length} places that are none: ${title}`,
    expects: "egress-grammar",
    perform: (ground) =>
      atGateway(ground, async (on) => {
        const through: string[] = [];
        for (const authority of authorities) if (await isOpened(ground, on, authority)) through.push(authority);
        return unless(through.length > 0, `${through.length} of ${authorities.length} were reached: ${through[0]}`);
      }),
  };
});

async function isOpened({ road }: Ground, { connect, issue }: Gateway, authority: string): Promise<boolean> {
  const before = road.arrivals.length;
  await through(connect(), headOf(authority, issue().token), helloWithName(authority));
  return road.arrivals.length > before;
}

function helloWithName(authority: string): Buffer {
  return helloFor(authority.replace(/:\d+$/, "").slice(0, 200));
}

export const headAttacks: readonly Member[] = [...misread, ...others, ...misplaced];
