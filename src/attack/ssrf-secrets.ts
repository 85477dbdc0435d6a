/** Attacks on the binding of secrets to hosts: an agent that refers to a secret where it does not belong. */
import type { Json } from "../core/canonical.ts";
import { unless } from "./attack.ts";
import { ask, inside, type Member, secretFor } from "./outbound.ts";

const reference = "{{secret:web/one}}";

/** What an agent sends to other.internal, with a reference to a secret that is bound to vault.internal alone. */
const sent: readonly (readonly [
  id: string,
  title: string,
  headers: { readonly [name: string]: string },
  body?: Json,
])[] = [
  ["header", "in a header", { authorization: `Bearer ${reference}` }],
  ["header-own", "in a header of its own", { "x-note": reference }],
  ["header-twice", "in a header behind one that is bound", { "x-note": `{{secret:web/other}} ${reference}` }],
  ["agent", "in the name of the client", { "user-agent": reference }],
  ["text", "in a text", {}, `key=${reference}`],
  ["json", "in a field", {}, { key: reference }],
  ["json-deep", "deep in a list", {}, { a: [1, { b: [`x${reference}`] }] }],
  ["unbound", "that is bound to nothing", {}, "{{secret:web/unbound}}"],
  ["below", "that is bound to a host below", {}, "{{secret:web/below}}"],
  ["longer", "that is bound to a host with a longer name", {}, "{{secret:web/longer}}"],
];

export const secretAttacks: readonly Member[] = sent.map(([id, title, headers, body]): Member => ({
  id: `secret-${id}`,
  title: `a secret of another host ${title}`,
  expects: "secret-binding",
  perform: async (ground) => {
    const values = [
      await secretFor(ground, "web/one", ["vault.internal"]),
      await secretFor(ground, "web/unbound", []),
      await secretFor(ground, "web/below", ["a.other.internal"]),
      await secretFor(ground, "web/longer", ["another.internal"]),
    ];
    await secretFor(ground, "web/other", ["other.internal"]);
    ground.road.names.set("other.internal", { a: [inside] });
    const url = "http://other.internal:8080/";
    await ask(ground, { url, method: "POST", headers, ...(body === undefined ? {} : { body }) });
    const { arrivals } = ground.road;
    return unless(
      arrivals.some(({ text }) => values.some((each) => text.includes(each))),
      "the host has it",
    );
  },
}));
