/** Attacks by redirects: a place the agent may ask sends it on to one it may not, or has its credentials brought along. */
import { unless } from "./attack.ts";
import type { Ground } from "./ground.ts";
import { answering, ask, type Input, inside, type Member, secretFor } from "./outbound.ts";
import { answer, publicAddress } from "./road.ts";

interface Detour {
  readonly who?: string;
  readonly status?: number;
  readonly input?: Input;
}

/** From http://site.example/ to somewhere, by an agent that may go everywhere unless it says. */
const detours: readonly (readonly [id: string, title: string, location: string, how?: Detour])[] = [
  ["loopback", "to this machine", "http://127.0.0.1/"],
  ["loopback-6", "to this machine by IPv6", "http://[::1]/"],
  ["localhost", "to a service of this machine by its name", "http://localhost:6379/"],
  ["number", "to this machine, written as a number", "http://2130706433/"],
  ["hex", "to this machine in hexadecimal", "http://0x7f.1/"],
  ["mapped", "to this machine in a mapped address", "http://[::ffff:127.0.0.1]/"],
  ["metadata", "to a cloud's metadata", "http://169.254.169.254/latest/meta-data/"],
  ["metadata-name", "to a cloud's metadata by its name", "http://metadata.google.internal/"],
  ["relative", "to this machine, in the scheme it came by", "//127.0.0.1/"],
  ["user", "to this machine behind a user named like the host", "http://site.example@127.0.0.1/"],
  ["backslash", "to a host behind a backslash", "http://site.example\\@evil.example/"],
  ["gopher", "to another protocol", "gopher://127.0.0.1:6379/_FLUSHALL"],
  ["post", "with a body, to this machine", "http://127.0.0.1:2375/", { status: 307, input: posted("/") }],
  ["name", "to a name that leads inside", "http://inside.example/"],
  ["name-tls", "to a name that leads inside, encrypted", "https://inside.example/"],
  ["itself", "to itself, which leads inside by now", "http://turning.example/again", { input: at("turning.example") }],
  ["named", "to another name of a place the operator named", "http://alias.example:8080/"],
  ["denied", "to a host that a rule denies", "https://denied.example/"],
  [
    "host",
    "to a host that is not granted",
    "http://other.example/open",
    { who: "narrow", input: at("site.example/open") },
  ],
  ["port", "to a port that is not granted", "http://site.example:8080/open", narrowed()],
  ["path", "to a path that is not granted", "/closed", narrowed()],
  ["path-up", "to a path that is not granted, by ..", "/open/../closed", narrowed()],
  ["path-beside", "to a path that begins like the one granted", "/openly", narrowed()],
  ["tls", "to the same host by https, which is not granted", "https://site.example/open", narrowed()],
  [
    "becomes-get",
    "as a GET, where only POST is granted",
    "/answer",
    { who: "poster", status: 303, input: posted("/") },
  ],
  ["stays-post", "as a POST, where a rule denies it", "/admin", { status: 307, input: posted("/") }],
  ["kept-308", "as a POST for good, where a rule denies it", "/admin/x", { status: 308, input: posted("/") }],
];

function at(place: string): Input {
  return { url: `http://${place}` };
}

function posted(path: string): Input {
  return { url: `http://site.example${path}`, method: "POST", body: "x" };
}

function narrowed(): Detour {
  return { who: "narrow", input: at("site.example/open") };
}

function lead(ground: Ground): void {
  const { names } = ground.road;
  for (const name of ["inside.example", "alias.example"]) names.set(name, { a: [inside] });
  names.set("turning.example", { a: [publicAddress] }, { a: [inside] });
}

const led = detours.map(([id, title, location, { who, status = 302, input = at("site.example/") } = {}]): Member => ({
  id: `redirect-${id}`,
  title: `a redirect ${title}`,
  expects: "egress-redirects",
  perform: async (ground) => {
    lead(ground);
    ground.road.host = answering(ground, answer(status, { location }), answer(200, {}));
    await ask(ground, input, who);
    const [first, second] = ground.road.arrivals;
    if (!first) throw new Error("the place that redirects was not reached");
    return unless(second !== undefined, `${second?.bound} was reached`);
  },
}));

const chained: Member = {
  id: "redirect-chain",
  title: "a redirect to a cloud's metadata behind two good ones",
  expects: "egress-redirects",
  perform: async (ground) => {
    const hops = ["/a", "http://site.example:8080/b", "http://169.254.169.254/"];
    ground.road.host = answering(ground, ...hops.map((location) => answer(302, { location })), answer(200, {}));
    await ask(ground, at("site.example/"));
    if (ground.road.arrivals.length < 3) throw new Error("the good redirects were not followed");
    return unless(ground.road.arrivals.length > 3, "the metadata service was reached");
  },
};

/** A credential as it goes to the first place; where the others are reached it must not be there. */
const carried: readonly (readonly [id: string, title: string, header: string])[] = [
  ["authorization", "an authorization header", "authorization"],
  ["cookie", "a cookie", "cookie"],
  ["api-key", "a key in a header of its own", "x-api-key"],
  ["csrf", "a token in a header of its own", "x-csrf-token"],
  ["joined", "a token in a header that does not set the word apart", "x-authtoken"],
  ["other", "a credential in a header that says nothing of it", "x-jwt"],
];

const literal = "a credential the agent was given";

const literals = carried.map(([id, title, header]): Member => ({
  id: `redirect-keeps-${id}`,
  title: `${title} goes along to another host`,
  expects: "egress-redirects",
  perform: async (ground) => {
    const location = "http://evil.example/";
    ground.road.host = answering(ground, answer(302, { location }), answer(200, {}));
    await ask(ground, { ...at("site.example/"), headers: { [header]: literal } });
    return brought(ground, 1, literal);
  },
}));

const vaults = ["vault.internal", "other.internal"];

/** Secrets bound to both hosts, so that nothing but the redirect keeps them back. */
const secrets: readonly (readonly [id: string, title: string, location: string])[] = [
  ["secret", "a secret goes along to another host", "http://other.internal:8080/"],
  ["secret-port", "a secret goes along to another port", "http://vault.internal:8081/"],
];

const references = secrets.map(([id, title, location]): Member => ({
  id: `redirect-keeps-${id}`,
  title,
  expects: "egress-redirects",
  perform: async (ground) => {
    const value = await secretFor(ground, "web/both", vaults);
    for (const name of vaults) ground.road.names.set(name, { a: [inside] });
    ground.road.host = answering(ground, answer(302, { location }), answer(200, {}));
    await ask(ground, { ...at("vault.internal:8080/"), headers: { "user-agent": "{{secret:web/both}}" } });
    if (!ground.road.arrivals[0]?.text.includes(value)) throw new Error("the secret was not sent at all");
    return brought(ground, 1, value);
  },
}));

const more: readonly Member[] = [
  {
    id: "redirect-keeps-body",
    title: "a body with a secret goes along to another host",
    expects: "egress-redirects",
    perform: async (ground) => {
      const value = await secretFor(ground, "web/both", vaults);
      for (const name of vaults) ground.road.names.set(name, { a: [inside] });
      const location = "http://other.internal:8080/";
      ground.road.host = answering(ground, answer(307, { location }), answer(200, {}));
      await ask(ground, { ...at("vault.internal:8080/"), method: "POST", body: { key: "{{secret:web/both}}" } });
      if (!ground.road.arrivals[0]?.text.includes(value)) throw new Error("the secret was not sent at all");
      return unless(ground.road.arrivals[1]?.text.includes(value) === true, "the other host has the secret");
    },
  },
  {
    id: "redirect-keeps-back",
    title: "a credential is there again when a redirect leads back",
    expects: "egress-redirects",
    perform: async (ground) => {
      const there = answer(302, { location: "http://evil.example/" });
      const back = answer(302, { location: "http://site.example/back" });
      ground.road.host = answering(ground, there, back, answer(200, {}));
      await ask(ground, { ...at("site.example/"), headers: { authorization: literal } });
      return brought(ground, 2, literal);
    },
  },
];

function brought(ground: Ground, number: number, value: string) {
  const arrival = ground.road.arrivals[number];
  if (!arrival) throw new Error("the redirect was not followed");
  return unless(arrival.text.includes(value), `${arrival.bound} has the credential`);
}

export const redirectAttacks: readonly Member[] = [...led, chained, ...literals, ...references, ...more];
