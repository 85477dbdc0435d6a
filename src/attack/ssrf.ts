/** Attacks by requests on places nobody may be led to: spellings of one place as another, names with wrong addresses, redirects. */
import { area, unless, type Verdict } from "./attack.ts";
import { acceptedForms, refusedForms } from "../egress/forms.ts";
import { canonicalUrlPath } from "../core/url-path.ts";
import type { Ground } from "./ground.ts";
import { ask, type Member } from "./outbound.ts";
import { addressAttacks } from "./ssrf-addresses.ts";
import { redirectAttacks } from "./ssrf-redirects.ts";
import { secretAttacks } from "./ssrf-secrets.ts";
import { sendingAttacks } from "./ssrf-sending.ts";

const tricks = [...new Set(refusedForms.map(({ trick }) => trick))];

/** Every spelling of a family is asked for, by an agent that may go everywhere, and looked for at the other end. */
const spellings = tricks.map((trick, i): Member => {
  const forms = refusedForms.filter((form) => form.trick === trick);
  return {
    id: `form-${i + 1}`,
    title: `${forms.length} forms: ${trick}`,
    expects: "egress-grammar",
    perform: async (ground) => {
      const arrived: string[] = [];
      for (const { url } of forms) if (await arrives(ground, url)) arrived.push(url);
      const first = JSON.stringify(arrived[0] ?? "");
      return unless(arrived.length > 0, `${arrived.length} of ${forms.length} forms went out, first ${first}`);
    },
  };
});

/** Addresses with a path that has one reading; the others are good places and no good requests. */
const legitimate = acceptedForms.filter(([url]) => "path" in canonicalUrlPath(URL.parse(url)?.pathname ?? ""));

/** What looks like a form among the legitimate ones, each with the addresses of a table that must go out beside it. */
const disguises: readonly (readonly [id: string, title: string, url: string])[] = [
  ["among-1", "a backslash before the true host", "https://example.com\\@evil.example/"],
  ["among-2", "a user named like a host", "https://example.com:443@evil.example/"],
  ["among-3", "a number that is an address", "https://134744072/"],
  ["among-4", "a letter that looks like another", "https://\u0435xample.com/"],
];

const among = disguises.map(([id, title, url], i): Member => {
  const size = Math.ceil(legitimate.length / disguises.length);
  const forms = legitimate.slice(i * size, (i + 1) * size);
  return {
    id,
    title: `${title}, among ${forms.length} legitimate addresses that all go out`,
    expects: "egress-grammar",
    perform: (ground) => toldApart(ground, forms, url),
  };
});

/** Throws where a legitimate form does not arrive at its own place: a wall that refuses everybody holds nothing apart. */
async function toldApart(ground: Ground, forms: typeof acceptedForms, disguise: string): Promise<Verdict> {
  for (const [url, place] of forms) {
    await arrives(ground, url);
    const [host = "", port = ""] = place.split(":");
    const isThere = ground.road.arrivals.some(({ bound, text }) => bound.endsWith(`:${port}`) && text.includes(host));
    if (!isThere) throw new Error(`the legitimate ${JSON.stringify(url)} does not arrive`);
  }
  return unless(await arrives(ground, disguise), `it went out`);
}

async function arrives(ground: Ground, url: string): Promise<boolean> {
  ground.road.clear();
  // A text that no call can hold is not even recorded: that is thrown, and is a refusal like any other.
  await ask(ground, { url }).catch(() => undefined);
  return ground.road.arrivals.length > 0;
}

export const ssrf = area("ssrf", [
  ...spellings,
  ...among,
  ...addressAttacks,
  ...redirectAttacks,
  ...sendingAttacks,
  ...secretAttacks,
]);
