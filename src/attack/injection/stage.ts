/** Where injections take place: a home whose agent holds all it needs for its work, and the world outside. One for a ground. */
import type { Json } from "../../core/canonical.ts";
import { rfc3339, systemClock } from "../../core/clock.ts";
import { randomBytes } from "../../crypto/random.ts";
import { agent } from "../../define/principal.ts";
import type { Tool } from "../../define/tool.ts";
import { splitCapability } from "../../policy/capability.ts";
import { grantOn, grantProfile } from "../../policy/change.ts";
import { emptyPolicy, type Policy } from "../../policy/policy.ts";
import { profiles } from "../../policy/profiles.ts";
import type { Ground } from "../ground.ts";
import type { Wall } from "../wall.ts";
import { openOutside, type Outside } from "./outside.ts";

export interface Stage {
  readonly ground: Ground;
  readonly outside: Outside;
}

const stages = new WeakMap<Ground, Map<readonly Wall[], Promise<Stage>>>();

/** The stage beside a ground; `walls` are those the attacks on it are about, the very same list for the same stage. */
export function stageOf(
  ground: Ground,
  walls: readonly Wall[],
  settings: Readonly<Record<string, Json>> = {},
): Promise<Stage> {
  const own = stages.get(ground) ?? new Map<readonly Wall[], Promise<Stage>>();
  stages.set(ground, own);
  const known = own.get(walls) ?? open(ground, walls, settings);
  own.set(walls, known);
  return known;
}

async function open(ground: Ground, walls: readonly Wall[], more: Readonly<Record<string, Json>>): Promise<Stage> {
  const outside = await openOutside();
  ground.afterwards(() => outside.close());
  const settings = {
    "egress.private_hosts": [outside.site, outside.stranger].map((url) => url.replace("http://", "")),
    "egress.dns_servers": [outside.names],
    "egress.resolve_timeout_ms": 2000,
    ...more,
  };
  return { ground: await ground.beside(walls, { settings, policy: (tools) => policyOf(tools, outside) }), outside };
}

/** A word that stands nowhere else. */
export function canaryWord(): string {
  return `kept${[...randomBytes(20)].map((byte) => String.fromCharCode(97 + (byte % 26))).join("")}`;
}

const commands = ["cat", "cp", "mv", "tee", "touch", "true", "ls", "wc", "grep"];
const languages = ["bash", "python", "node"].map((language) => `code.run:${language}`);
const programs = [...commands.map((name) => `shell.exec:${name}`), ...languages, "sandbox.exec:1", "sandbox.exec:2"];

/** Every place there is here: policy refuses a grant for every host at once, and somebody in a hurry writes this instead. */
function broad({ site, stranger }: Outside): readonly string[] {
  const places = [...[site, stranger].map((url) => url.replace("http://", "")), "*.stranger.test:443"];
  return [...places.map((place) => `http.request:* ${place}`), ...programs];
}

/** Two agents as an operator in a hurry would make them, and one that has no way out. */
function policyOf(tools: readonly Tool[], outside: Outside): Policy {
  const at = rfc3339(systemClock.now());
  const known = [
    ...profiles.operator.map((each) => splitCapability(each).name),
    ...tools.map(({ capability }) => capability),
  ];
  const provenance = { by: "operator", via: "attack", at };
  let made: Policy = emptyPolicy;
  for (const name of ["worker", "helper", "indoors"]) {
    made = grantProfile(made, agent(name), "operator", { by: "operator", at, known }).policy;
    for (const capability of name === "indoors" ? [] : broad(outside)) {
      made = grantOn(made, agent(name), capability, { expires_at: null, provenance, known }).policy;
    }
  }
  return made;
}
