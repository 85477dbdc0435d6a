/** Attacks on the proxy with tokens: none, made up, altered, another's, over, and good ones that are asked for too much. */
import { canonicalize } from "../core/canonical.ts";
import { rfc3339 } from "../core/clock.ts";
import { newId } from "../core/id.ts";
import { randomBytes } from "../crypto/random.ts";
import { type Caveat, mintToken, narrowToken } from "../egress/token.ts";
import { unless, type Verdict } from "./attack.ts";
import { atGateway, type Gateway, goesOn, headOf, host, place, reached, run, through, tunnelled } from "./gateway.ts";
import type { Ground } from "./ground.ts";
import type { Member } from "./outbound.ts";
import { helloFor } from "./tls-hello.ts";
import type { Wall } from "./wall.ts";

/** A token that must open nothing; `to` and `who` where it is not the usual place and run. */
interface Foul {
  readonly token: string;
  readonly to?: string;
  readonly who?: string;
}

const elsewhere = "elsewhere.example";

/** The parts of a token, put together anew by somebody without the key. */
function altered(token: string, alter: (caveats: readonly Caveat[]) => readonly Caveat[]): string {
  const [version, id, body = "", tag] = token.split(".");
  const caveats = JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as readonly Caveat[];
  return [version, id, Buffer.from(canonicalize(alter(caveats))).toString("base64url"), tag].join(".");
}

function pieces(token: string): readonly [version: string, id: string, body: string, tag: string] {
  const [version = "", id = "", body = "", tag = ""] = token.split(".");
  return [version, id, body, tag];
}

function later(gateway: Gateway, ms: number): string {
  return rfc3339(gateway.ground.clock.now() + ms);
}

const fouls: readonly (readonly [id: string, title: string, make: (gateway: Gateway) => Foul])[] = [
  ["empty", "of nothing", () => ({ token: "x" })],
  ["text", "that is any text", () => ({ token: "let-me-through" })],
  ["own-key", "made with another key", (on) => ({ token: mintToken(randomBytes(32), newId(), grantOf(on)) })],
  [
    "own-key-known",
    "made with another key, for an id there is",
    (on) => ({ token: mintToken(randomBytes(32), on.issue().id, grantOf(on)) }),
  ],
  ["unknown", "of an id nobody issued", (on) => swapped(on, 1, newId())],
  ["borrowed-tag", "with the signature of another", (on) => swapped(on, 3, pieces(on.issue().token)[3])],
  ["flipped", "with a bit of its signature turned", (on) => swapped(on, 3, turned(pieces(on.issue().token)[3]))],
  ["no-tag", "without its signature", (on) => swapped(on, 3, "")],
  ["zero-tag", "with a signature of zeros", (on) => swapped(on, 3, Buffer.alloc(32).toString("base64url"))],
  ["version", "of another version", (on) => swapped(on, 0, "reeve2")],
  ["padded", "written with padding", (on) => ({ token: `${on.issue().token}=` })],
  ["more", "with a part more", (on) => ({ token: `${on.issue().token}.x` })],
  [
    "stripped",
    "without the caveat it was narrowed by",
    (on) => ({ token: altered(narrowed(on, { hosts: [host] }), (all) => all.slice(0, -1)), to: elsewhere }),
  ],
  [
    "stripped-hosts",
    "without the hosts it was issued for",
    (on) => ({ token: altered(on.issue({ hosts: [host] }).token, withoutHosts), to: elsewhere }),
  ],
  [
    "widened",
    "with a host more",
    (on) => {
      const widen = ([first, ...rest]: readonly Caveat[]) => [{ ...first, hosts: [host, elsewhere] }, ...rest];
      return { token: altered(on.issue({ hosts: [host] }).token, widen), to: elsewhere };
    },
  ],
  [
    "reordered",
    "with its caveats in another order",
    (on) => {
      const twice = narrowToken(narrowed(on, { hosts: [host] }), { ports: [443] });
      return { token: altered(twice, ([first = {}, ...rest]) => [first, ...rest.toReversed()]) };
    },
  ],
  ["emptied", "without any caveat", (on) => ({ token: altered(on.issue().token, () => []), to: elsewhere })],
  [
    "agent",
    "of another agent, who is granted more",
    (on) => {
      const token = on.issue({ agent: "narrow" }).token;
      return { token: altered(token, ([first]) => [{ ...first, agent: "roamer" }]), to: elsewhere };
    },
  ],
  [
    "later",
    "with a later end",
    (on) => {
      const token = altered(on.issue().token, ([first]) => [{ ...first, expires_at: later(on, 3_600_000) }]);
      on.ground.clock.ahead_ms += 61_000;
      return { token };
    },
  ],
  [
    "expired",
    "whose time is up",
    (on) => {
      const { token } = on.issue();
      on.ground.clock.ahead_ms += 61_000;
      return { token };
    },
  ],
  ["revoked", "that was revoked", (on) => ended(on, (id) => on.book.revoke(id))],
  ["revoked-run", "of a run that was revoked", (on) => ended(on, () => on.book.revokeRun(run))],
  ["revoked-copy", "that is a copy of one revoked", (on) => copyOfRevoked(on)],
  ["forgotten", "that the state no longer knows", (on) => ended(on, (id) => forgotten(on, id))],
  ["claimed", "under the name of another run", (on) => ({ token: on.issue().token, who: "run-2" })],
];

function grantOf(gateway: Gateway) {
  return { run, agent: "roamer", expires_at: later(gateway, 60_000) };
}

function narrowed(gateway: Gateway, caveat: Caveat): string {
  return narrowToken(gateway.issue().token, caveat);
}

function withoutHosts([first, ...rest]: readonly Caveat[]): readonly Caveat[] {
  const { hosts: _, ...open } = first ?? {};
  return [open, ...rest];
}

function swapped(gateway: Gateway, at: number, part: string): Foul {
  return { token: pieces(gateway.issue().token).with(at, part).join(".") };
}

function turned(tag: string): string {
  const bytes = Buffer.from(tag, "base64url");
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes.toString("base64url");
}

function ended(gateway: Gateway, end: (id: string) => unknown): Foul {
  const { id, token } = gateway.issue();
  end(id);
  return { token };
}

function forgotten({ ground }: Gateway, id: string): void {
  ground.alter("DELETE FROM egress_tokens WHERE id = ?", [id]);
}

function copyOfRevoked(gateway: Gateway): Foul {
  const { id, token } = gateway.issue();
  gateway.book.revoke(id);
  return { token: narrowToken(token, { hosts: [host] }) };
}

const foul = fouls.map(([id, title, make]): Member => ({
  id: `token-${id}`,
  title: `a token ${title}`,
  expects: "egress-token",
  perform: (ground) =>
    atGateway(
      ground,
      async (on) => {
        const { token, to = host, who } = make(on);
        await through(on.connect(), headOf(`${to}:443`, token, who), helloFor(to));
        return reached(ground);
      },
      { onPort: true },
    ),
}));

const bare = `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n`;

const others: readonly Member[] = [
  {
    id: "token-none",
    title: "no token at all",
    expects: "egress-token",
    perform: (ground) =>
      atGateway(ground, async (on) => {
        await through(on.connect(), `${bare}\r\n`);
        return reached(ground);
      }),
  },
  {
    id: "token-misplaced",
    title: "a good token in the header of another credential",
    expects: "egress-token",
    perform: (ground) =>
      atGateway(ground, async (on) => {
        await through(on.connect(), `${bare}Authorization: Bearer ${on.issue().token}\r\n\r\n`);
        return reached(ground);
      }),
  },
  {
    id: "token-other-run",
    title: "a good token of another run, at the socket of this one",
    expects: "egress-token",
    perform: (ground) => {
      const work = async (on: Gateway) => {
        await through(on.connect(), headOf(place, on.issue({ run: "run-2" }).token, "run-2"));
        return reached(ground);
      };
      return atGateway(ground, work, { run });
    },
  },
  {
    id: "token-revoked-midway",
    title: "a tunnel goes on after its token was revoked",
    expects: "egress-token",
    perform: (ground) =>
      atGateway(ground, async (on) => {
        const { id, token } = on.issue();
        const client = await tunnelled(on.ground, on.connect(), headOf(place, token));
        on.book.revoke(id);
        return goesOn(ground, client, 1100);
      }),
  },
];

/** What a good token is narrowed by, and a place beyond that. */
const beyond: readonly (readonly [id: string, title: string, caveat: Caveat, to: string])[] = [
  ["host", "another host", { hosts: [host] }, `${elsewhere}:443`],
  ["host-below", "a host below the one it names", { hosts: [host] }, `a.${host}:443`],
  ["host-apex", "the domain of which it names all below", { hosts: ["*.tunnel.example"] }, place],
  ["host-joined", "a name that ends like its domain", { hosts: ["*.tunnel.example"] }, "eviltunnel.example:443"],
  ["host-none", "any host, where it names none", { hosts: [] }, place],
  ["port", "another port", { ports: [8443] }, place],
  ["port-none", "any port, where it names none", { ports: [] }, place],
  ["method", "a tunnel, where it names other methods", { methods: ["GET", "POST"] }, place],
  ["agent", "as the agent it was issued for, where it names another", { agent: "narrow" }, place],
  ["run", "in the run it was issued for, where it names another", { run: "run-2" }, place],
  ["connections-none", "one connection, where it has none", { max_connections: 0 }, place],
];

const caveated = beyond.map(([id, title, caveat, to]) =>
  held(`caveat-${id}`, `a narrowed token opens ${title}`, async (on) => {
    await through(on.connect(), headOf(to, narrowed(on, caveat)), helloFor(to.replace(/:\d+$/, "")));
    return reached(on.ground);
  }),
);

function held(
  id: string,
  title: string,
  perform: (on: Gateway) => Promise<Verdict>,
  expects: Wall = "egress-caveats",
): Member {
  return { id, title, expects, perform: (ground) => atGateway(ground, perform) };
}

const most_bytes = 2000;
const flood = "x".repeat(60_000);

const counted: readonly Member[] = [
  held("caveat-both", "a token narrowed twice opens what only the second allows", async (on) => {
    const token = narrowToken(narrowed(on, { hosts: [host] }), { hosts: [host, elsewhere] });
    await through(on.connect(), headOf(`${elsewhere}:443`, token), helloFor(elsewhere));
    return reached(on.ground);
  }),
  held("caveat-issued", "a token opens another host than it was issued for", async (on) => {
    await through(on.connect(), headOf(`${elsewhere}:443`, on.issue({ hosts: [host] }).token), helloFor(elsewhere));
    return reached(on.ground);
  }),
  held("caveat-expired", "a narrowed token is used after its end", async (on) => {
    const token = narrowed(on, { expires_at: later(on, 1000) });
    on.ground.clock.ahead_ms += 1001;
    await through(on.connect(), headOf(place, token));
    return reached(on.ground);
  }),
  held("caveat-expired-midway", "a tunnel goes on after the end of its narrowed token", async (on) => {
    const token = narrowed(on, { expires_at: later(on, 10_000) });
    const client = await tunnelled(on.ground, on.connect(), headOf(place, token));
    on.ground.clock.ahead_ms += 10_001;
    return goesOn(on.ground, client);
  }),
  held("caveat-connections", "a token opens a connection more than it has", async (on) => {
    const { token } = on.issue({ max_connections: 1 });
    for (let i = 0; i < 2; i++) await through(on.connect(), headOf(place, token));
    return secondReached(on.ground);
  }),
  held("caveat-connections-copy", "a copy of a token that is used up opens a connection", async (on) => {
    const { token } = on.issue({ max_connections: 1 });
    await through(on.connect(), headOf(place, token));
    await through(on.connect(), headOf(place, narrowToken(token, { hosts: [host] })));
    return secondReached(on.ground);
  }),
  held("caveat-connections-more", "a copy that says it has more connections than its token opens them", async (on) => {
    const token = narrowToken(on.issue({ max_connections: 1 }).token, { max_connections: 5 });
    for (let i = 0; i < 2; i++) await through(on.connect(), headOf(place, token));
    return secondReached(on.ground);
  }),
  held("caveat-bytes-up", "a tunnel carries more than its token may send", async (on) => {
    const { token } = on.issue({ max_bytes_up: most_bytes });
    const client = await tunnelled(on.ground, on.connect(), headOf(place, token));
    on.ground.road.host = (socket, { text }) => {
      if (text.length > flood.length) socket.end();
    };
    client.send(flood);
    await client.ended;
    const sent = on.ground.road.arrivals[0]?.text.length ?? 0;
    return unless(sent > most_bytes, `${sent} bytes passed`);
  }),
  held("caveat-bytes-later", "a second tunnel carries what its token has used up", async (on) => {
    const { token } = on.issue({ max_bytes_up: helloFor(host).length + 10 });
    await through(on.connect(), headOf(place, token));
    await through(on.connect(), headOf(place, token));
    const [, second] = on.ground.road.arrivals;
    if (!second) throw new Error("there was no second connection");
    return unless(second.text.length > 10, `${second.text.length} bytes passed`);
  }),
  held("caveat-bytes-down", "a tunnel brings more than its token may receive", async (on) => {
    on.ground.road.host = (socket) => socket.end(flood);
    const client = on.connect();
    await through(client, headOf(place, on.issue({ max_bytes_down: most_bytes }).token));
    if (on.ground.road.arrivals[0]?.text === "") throw new Error("the hello did not pass");
    return unless(client.received.length > most_bytes + 200, `${client.received.length} bytes came`);
  }),
];

function secondReached({ road }: Ground): Verdict {
  if (road.arrivals.length === 0) throw new Error("the first connection was not made");
  return unless(road.arrivals.length > 1, "there was a second one");
}

export const tokenAttacks: readonly Member[] = [...foul, ...others, ...caveated, ...counted];
