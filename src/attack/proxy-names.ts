/** Attacks inside a tunnel that was opened: bytes for another host than the one that was decided about, or no TLS at all. */
import { unless } from "./attack.ts";
import { atGateway, headOf, host, place } from "./gateway.ts";
import type { Member } from "./outbound.ts";
import { encrypted, helloFor, helloWith, named } from "./tls-hello.ts";

const evil = "evil.example";
const good = named(host);
const literal = "10.9.9.9:443";

/** What is said first in a tunnel to tunnel.example:443; not a byte of it may arrive. */
const openings: readonly (readonly [id: string, title: string, opening: Uint8Array | string, to?: string])[] = [
  ["other", "for another host", helloFor(evil)],
  ["below", "for a host below it", helloFor(`a.${host}`)],
  ["above", "for the domain above it", helloFor("example")],
  ["joined", "for a host that ends like it", helloFor(`evil${host}`)],
  ["longer", "for a host that begins like it", helloFor(`${host}.evil.example`)],
  ["dot", "for its name with a dot behind", helloFor(`${host}.`)],
  ["nul", "for its name with a NUL and another behind", helloFor(`${host}\0.${evil}`)],
  ["space", "for its name with a space behind", helloFor(`${host} `)],
  ["wide", "for its name in letters that look like it", helloFor(`tunn\u00e9l.example`)],
  ["address", "for an address", helloFor("127.0.0.1")],
  ["none", "for no host", helloWith([])],
  ["empty", "for a host without a name", helloWith([named("")])],
  ["no-list", "with a name that is no list", helloWith([[0, Buffer.alloc(0)]])],
  ["two", "for it and another host", helloWith([named(host, evil)])],
  ["two-turned", "for another host and it", helloWith([named(evil, host)])],
  ["twice", "for it, and once more for another host", helloWith([good, named(evil)])],
  ["twice-turned", "for another host, and once more for it", helloWith([named(evil), good])],
  ["encrypted", "for another host, with an encrypted hello inside", helloWith([encrypted, named(evil)])],
  ["encrypted-none", "for no host, with an encrypted hello inside", helloWith([encrypted])],
  ["split", "for another host, split over records", helloWith([named(evil)], { record_bytes: 11 })],
  ["split-bytes", "in a record for each byte", helloWith([good], { record_bytes: 1 })],
  ["behind", "with a second message in its record", helloWith([good], { behind: Buffer.from([1, 0, 0, 0]) })],
  ["pinned", "for a name, where the place is an address", helloFor(evil), literal],
  ["http", "by http", `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
  ["connect", "by another CONNECT", `CONNECT ${evil}:443 HTTP/1.1\r\nHost: ${evil}:443\r\n\r\n`],
  ["ssh", "by ssh", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["redis", "by the protocol of a database", "*1\r\n$8\r\nFLUSHALL\r\n"],
  ["smtp", "by the protocol of mail", "EHLO evil.example\r\nMAIL FROM:<a@evil.example>\r\n"],
  ["ssl2", "by a hello of long ago", Buffer.from([0x80, 0x2e, 1, 0, 2, 0, 21, 0, 0, 0, 16])],
  ["alert", "by an alert before the hello", Buffer.concat([Buffer.from([21, 3, 1, 0, 2, 1, 0]), helloFor(host)])],
  ["nothing", "by an empty record before the hello", Buffer.concat([Buffer.from([22, 3, 1, 0, 0]), helloFor(host)])],
  ["data", "by a record of data before the hello", Buffer.concat([Buffer.from([23, 3, 3, 0, 1, 7]), helloFor(host)])],
  ["other-message", "by another message of a handshake", Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])],
  ["cut", "by half a hello", helloFor(host).subarray(0, 40)],
  ["huge", "by a hello that is too long", helloWith([good, [21, Buffer.alloc(17_000)]])],
];

export const nameAttacks: readonly Member[] = openings.map(([id, title, opening, to = place]): Member => ({
  id: `name-${id}`,
  title: `a tunnel is used ${title}`,
  expects: "egress-server-name",
  perform: (ground) =>
    atGateway(ground, async ({ connect, issue }) => {
      // Whatever comes is enough: the host hangs up.
      ground.road.host = (socket) => socket.end("heard");
      const client = connect().send(headOf(to, issue().token));
      if (!(await client.opened())) throw new Error("the tunnel was not opened");
      client.send(opening);
      await client.ended;
      const bytes = ground.road.arrivals[0]?.text.length ?? 0;
      return unless(bytes > 0, `${bytes} bytes passed`);
    }),
}));
