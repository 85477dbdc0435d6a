/** Attacks by tunnels to places that are not for the agent: inside, not granted, denied, not named by the call, or not written down. */
import { mkdirSync, rmSync } from "node:fs";
import { agent } from "../define/principal.ts";
import { newId } from "../core/id.ts";
import type { Place } from "../egress/host.ts";
import { openProxy } from "../egress/proxy.ts";
import { decideTunnel } from "../engine/egress-desk.ts";
import { engageStop, stopFile } from "../engine/stop.ts";
import { openWayOut, type WayOut } from "../engine/way-out.ts";
import { unless, type Verdict } from "./attack.ts";
import { atGateway, ending, type Gateway, goesOn, headOf, place, reached, through, tunnelled } from "./gateway.ts";
import type { Ground } from "./ground.ts";
import { decideWithout, gateWithout } from "./loose-gate.ts";
import type { NameAnswer } from "../egress/name-server.ts";
import { inside, type Member } from "./outbound.ts";
import { RawClient } from "./raw-client.ts";
import { publicAddress } from "./road.ts";
import { helloFor } from "./tls-hello.ts";

function tunnelTo(on: Gateway, to: string, name?: string): Promise<void> {
  const { token } = on.issue(name === undefined ? {} : { agent: name });
  return through(on.connect(), headOf(to, token), helloFor(to.replace(/:\d+$/, "")));
}

/** Names a tunnel is asked to, with what the name service says about them; the last of the answers is inside. */
const names: readonly (readonly [id: string, title: string, ...answers: readonly NameAnswer[]])[] = [
  ["private", "a private network", { a: [inside] }],
  ["loopback", "this machine", { a: ["127.0.0.1"] }],
  ["loopback-6", "this machine by IPv6", { aaaa: ["::1"] }],
  ["metadata", "a cloud's metadata", { a: ["169.254.169.254"] }],
  ["mapped", "this machine in a mapped address", { aaaa: ["::ffff:127.0.0.1"] }],
  ["mixed", "a public address and a private one", { a: [publicAddress, inside] }],
  ["alias", "an alias that ends inside", { chain: ["cdn.example"], a: [inside] }],
  ["rebound", "a public address, and inside the second time", { a: [publicAddress] }, { a: [inside] }],
];

const led = names.map(([id, title, ...answers]): Member => ({
  id: `inside-${id}`,
  title: `a tunnel to a name that leads to ${title}`,
  expects: "egress-addresses",
  perform: (ground) =>
    atGateway(ground, async (on) => {
      ground.road.names.set("lured.example", ...answers);
      for (const _ of answers) await tunnelTo(on, "lured.example:443");
      const good = answers.length - 1;
      if (ground.road.arrivals.length < good) throw new Error("the public address was not reached");
      return unless(ground.road.arrivals.length > good, "it was opened");
    }),
}));

const ungranted: readonly (readonly [id: string, title: string, who: string, to: string])[] = [
  ["bare", "by an agent without any grant", "bare", place],
  ["ghost", "by an agent that does not exist", "ghost", place],
  ["host", "to another host", "narrow", "evil.example:443"],
  ["below", "to a host below the one granted", "narrow", "a.tunnel.example:443"],
  ["port", "to another port", "narrow", "tunnel.example:22"],
  ["method", "where only GET is granted", "narrow", "a.wild.example:80"],
  ["path", "where only a path is granted", "narrow", "site.example:80"],
  ["denied", "to a host that a rule denies", "roamer", "denied.example:443"],
  ["denied-part", "to a host of which a rule denies a path", "roamer", "site.example:80"],
];

const uncovered = ungranted.map(([id, title, who, to]): Member => ({
  id: `ungranted-${id}`,
  title: `a tunnel ${title}`,
  expects: "egress-policy",
  perform: (ground) =>
    atGateway(ground, async (on) => {
      await tunnelTo(on, to, who);
      return reached(ground);
    }),
}));

/** A program's own way out, for a call that named these places, and what is done with it. */
async function onWayOut(
  ground: Ground,
  network: readonly string[],
  work: (connect: () => RawClient, head: (to: string) => string) => Promise<Verdict>,
  permitted: readonly string[] = network,
  signal = new AbortController().signal,
): Promise<Verdict> {
  const { without, road, clock, door } = ground;
  const desk = await ground.engine.egress();
  const open: typeof openProxy = (options) => {
    // Without the wall nobody asks what the call named; the engine's door is asked as ever.
    const decide = without.has("egress-policy")
      ? (question: Place) => decideTunnel(door, agent("roamer"), question, true)
      : options.decide;
    return openProxy({ ...options, decide: decideWithout(without, decide), limits: { hello_timeout_ms: 150 } });
  };
  const loose = { ...desk, gate: gateWithout(without, road, clock, desk.gate) };
  const way = await openWayOut(
    door,
    loose,
    { run_id: newId(), principal: agent("roamer"), signal },
    ({ value }) => permitted.some((each) => value === `CONNECT ${each}`),
    { network, timeout_ms: 60_000 },
    { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 },
    open,
  );
  const clients = new Set<RawClient>();
  const connect = () => {
    const client = new RawClient({ path: way.socket });
    clients.add(client);
    return client;
  };
  const headTo = (to: string) => headOf(to, ...credentialsOf(way));
  return ending(
    road,
    clients,
    () => work(connect, headTo),
    () => way.close(),
  );
}

function credentialsOf({ url }: WayOut): readonly [token: string, run: string] {
  const { username, password } = new URL(url);
  return [password, username];
}

/** The call names tunnel.example:443 and site.example:8443; its token has both hosts and both ports. */
const [one, other, crossed] = ["tunnel.example:443", "site.example:8443", "tunnel.example:8443"] as const;

function programmed(
  id: string,
  title: string,
  network: readonly string[],
  to: string,
  permitted?: readonly string[],
): Member {
  return {
    id: `program-${id}`,
    title: `a program ${title}`,
    expects: "egress-policy",
    perform: (ground) =>
      onWayOut(
        ground,
        network,
        async (connect, head) => {
          await through(connect(), head(to), helloFor(to.replace(/:\d+$/, "")));
          return reached(ground);
        },
        permitted,
      ),
  };
}

const programs: readonly Member[] = [
  programmed("crossed", "reaches a granted place that its call did not name", [one, other], crossed, [
    one,
    other,
    crossed,
  ]),
  programmed("decided", "reaches a place its call named and was not allowed", [one, other], other, [one]),
  programmed(
    "denied",
    "reaches a place a rule denies, though its call was allowed it",
    ["denied.example:443"],
    "denied.example:443",
  ),
  {
    id: "program-ended",
    title: "the token of a program that has ended opens a tunnel",
    expects: "egress-token",
    perform: async (ground) => {
      let head = "";
      const work = async (connect: () => RawClient, headTo: (to: string) => string) => {
        head = headTo(one);
        await through(connect(), head);
        return reached(ground);
      };
      if ((await onWayOut(ground, [one], work)).held) throw new Error("it did not open one before either");
      const before = ground.road.arrivals.length;
      return atGateway(ground, async (on) => {
        await through(on.connect(), head);
        return unless(ground.road.arrivals.length > before, "it did");
      });
    },
  },
];

const full = () => Promise.reject(new Error("no space left on device"));

const unwritten: readonly Member[] = [
  {
    id: "record-fails",
    title: "a tunnel is opened while the ledger cannot be written",
    expects: "egress-record",
    perform: (ground) =>
      atGateway(ground, async (on) => {
        ground.road.write = full;
        await tunnelTo(on, place);
        return reached(ground);
      }),
  },
  {
    id: "record-waits",
    title: "a tunnel is opened before the ledger has it",
    expects: "egress-record",
    perform: (ground) =>
      atGateway(ground, async (on) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        ground.road.write = async (write) => {
          await promise;
          return write();
        };
        const tunnelled = tunnelTo(on, place);
        await Promise.race([tunnelled, Bun.sleep(60)]);
        const early = ground.road.arrivals.length;
        resolve();
        await tunnelled;
        if (ground.road.arrivals.length !== 1) throw new Error("it was not opened afterwards either");
        return unless(early > 0, "it was opened before it was written down");
      }),
  },
];

const order = { at: "2026-01-01T00:00:00.000Z", by: "operator", reason: "attack" };

/** Ways to stop agent `roamer`, and what undoes each. */
const stops: readonly (readonly [id: string, title: string, stop: (ground: Ground) => string])[] = [
  ["one", "that was stopped", ({ home }) => stopped(home, "roamer")],
  ["all", "while all are stopped", ({ home }) => stopped(home, null)],
  ["unreadable", "on a stop that cannot be read", ({ home }) => unreadable(home)],
];

function stopped(home: Ground["home"], name: string | null): string {
  engageStop(home, { ...order, agent: name });
  return stopFile(home, name);
}

function unreadable(home: Ground["home"]): string {
  const path = stopFile(home, "roamer");
  mkdirSync(path);
  return path;
}

const halted = stops.flatMap(([id, title, stop]): readonly Member[] => {
  const while_ = async (ground: Ground, work: () => Promise<Verdict>) => {
    const path = stop(ground);
    try {
      return await work();
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
  };
  const direct = async (on: Gateway) => {
    await tunnelTo(on, place);
    return reached(on.ground);
  };
  const ofProgram = (ground: Ground) =>
    onWayOut(ground, [one], async (connect, head) => {
      await through(connect(), head(one));
      return reached(ground);
    });
  return [
    {
      id: `stop-${id}`,
      title: `a tunnel is opened for an agent ${title}`,
      expects: "operator-stop",
      perform: (ground) => while_(ground, () => atGateway(ground, direct)),
    },
    {
      id: `stop-program-${id}`,
      title: `a program goes out for an agent ${title}`,
      expects: "operator-stop",
      perform: (ground) => while_(ground, () => ofProgram(ground)),
    },
  ];
});

const midway: Member = {
  id: "stop-midway",
  title: "a program's tunnel goes on after its agent was stopped",
  expects: "operator-stop",
  perform: async (ground) => {
    const call = new AbortController();
    const work = async (connect: () => RawClient, head: (to: string) => string) => {
      const client = await tunnelled(ground, connect(), head(one));
      const path = stopped(ground.home, "roamer");
      try {
        // As the engine does for every run of an agent that is stopped.
        const fault = ground.door.stopped(agent("roamer"));
        if (fault) call.abort(fault);
        return await goesOn(ground, client);
      } finally {
        rmSync(path, { force: true });
      }
    };
    return onWayOut(ground, [one], work, [one], call.signal);
  },
};

export const placeAttacks: readonly Member[] = [...led, ...uncovered, ...programs, ...unwritten, ...halted, midway];
