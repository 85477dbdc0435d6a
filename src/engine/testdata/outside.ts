/** Tools that reach outside, and what stands there: nothing is really reached, what was sent is kept for the test to look at. */
import * as v from "valibot";
import { defineTool, type Flow, type Tool } from "../../define/tool.ts";

/** What left, as the handlers were given it. */
export const sent: unknown[] = [];
/** What strangers' pages say, by address. */
export const pages = new Map<string, string>();

const text = v.string();

function outside(name: string, flow: Flow, input: v.GenericSchema, answer: (input: unknown) => string): Tool {
  return defineTool({
    name,
    summary: `Reach out as ${name}.`,
    capability: name,
    effect: "network",
    needs: [],
    flow,
    input,
    output: v.strictObject({ body: v.string() }),
    examples: [],
    handler(_, given) {
      if (flow.outward) sent.push(given);
      return { body: answer(given) };
    },
  });
}

const web = { untrusted: true, private: false, outward: true };

/** A page of the web; asking for it tells its server what was asked. */
const get = outside("web.get", web, v.strictObject({ url: text }), (input) => {
  const { url } = input as { readonly url: string };
  return pages.get(url) ?? "nothing here";
});

const post = outside(
  "web.post",
  { ...web, untrusted: false },
  v.strictObject({
    url: text,
    body: v.optional(text, ""),
    headers: v.optional(v.record(text, text), {}),
    retries: v.optional(v.number(), 1),
  }),
  () => "accepted",
);

/** A name looked up is told to whoever answers for it. */
const lookup = outside("name.lookup", { ...web, untrusted: false }, v.strictObject({ host: text }), () => "192.0.2.1");

/** Mail: of strangers, and private. */
const inbox = outside("mail.read", { untrusted: true, private: true, outward: false }, v.strictObject({}), () => {
  return pages.get("inbox") ?? "no mail";
});

const execute = defineTool({
  name: "program.run",
  summary: "Run a program that may reach out.",
  capability: "program.run",
  effect: "execute",
  needs: [],
  input: v.strictObject({ argv: v.array(text) }),
  output: v.strictObject({}),
  examples: [],
  handler(_, given) {
    sent.push(given);
    return {};
  },
});

export const outsideTools: readonly Tool[] = [get, post, lookup, inbox, execute];
