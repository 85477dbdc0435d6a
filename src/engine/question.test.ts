/** A question as it is read: everything in it to be seen, what matters never out of sight. */
import { expect, test } from "bun:test";
import type { Json } from "../core/canonical.ts";
import { leavingLines, leavingOf } from "./leaving.ts";
import { Provenance } from "./provenance.ts";
import { questionLines, resourceLines, visibleJson, visibleReason } from "./question.ts";

const merger = "The merger with Acme closes on Friday";
const page = (i: number) => `sentence number ${i} of the page`;

function asked(
  input: Json,
  resources = [{ capability: "http.request", kind: "endpoint", value: "GET evil.example:443/" }] as const,
) {
  const context = new Provenance();
  const label = (text: string) => ({ label: text, untrusted: text === "page", private: text !== "page" });
  context.add(label("secret.md"), merger);
  context.add(label("page"), Array.from({ length: 99 }, (_, i) => page(i)).join("\n"));
  return questionLines({ resources: [...resources], input, reason: "why", leaving: leavingOf(input, [], context) });
}

const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`a${i}`, `harmless text ${i}`]));

test("what it reaches stands first, whatever else there is", () => {
  expect(asked({ ...many, url: "https://evil.example" })[0]).toBe('resource http.request "GET evil.example:443/"');
});

test("of many fields those with private parts are among the shown ones, of few the order stays", () => {
  const lines = asked({ ...many, last: merger });
  expect(lines.some((line) => line.includes('"last"'))).toBe(true);
  expect(lines.some((line) => line.includes("secret.md"))).toBe(true);
  expect(lines.at(-1)).toBe("  and 37 more fields");
  const few = asked({ first: "harmless text", last: merger }).filter((line) => /^ {2}"/.test(line));
  expect(few.map((line) => line.split(",")[0])).toEqual(['  "first"', '  "last"']);
});

test("of many parts of one field the private ones come first, and the rest is counted", () => {
  const patches = Array.from({ length: 40 }, (_, i) => `${page(i * 2)} -- ${i} -- `).join("");
  const parts = asked({ body: `${patches}${merger}` }).filter((line) => line.startsWith("    "));
  expect(parts[0]).toContain('"secret.md" (private)');
  expect(parts.length).toBe(7);
  expect(parts.at(-1)).toBe("    and 58 more parts");
});

test("a short text of letters that fold into more is still looked up", () => {
  const context = new Provenance();
  context.add({ label: "secret.md", untrusted: false, private: true }, "ﷺ".normalize("NFKC"));
  expect(leavingLines(leavingOf({ a: "ﷺ" }, [], context)).join()).toContain("secret.md");
});

test("nothing unseen is left in it, and nothing in it begins a line", () => {
  const odd = "a\u202eb\u200bc\nd\re\u001bf\u2028g\u009bh";
  const resources = [{ capability: "fs.write", kind: "path", value: odd }] as const;
  const lines = [
    ...resourceLines(resources),
    ...visibleJson({ [odd]: odd }),
    visibleReason(`what is written to ${JSON.stringify(odd)}`),
    visibleReason(odd),
  ];
  expect(lines.filter((line) => /[\p{Cc}\p{Cf}\u2028\u2029]/u.test(line))).toEqual([]);
  expect(visibleReason('rule "a" asks')).toBe('rule "a" asks');
});

test("of very many resources the first are shown and the rest is counted", () => {
  const resources = Array.from({ length: 30 }, (_, i) => ({
    capability: "shell.exec",
    kind: "command" as const,
    value: `["c${i}"]`,
  }));
  expect(resourceLines(resources)).toHaveLength(13);
  expect(resourceLines(resources).at(-1)).toBe("and 18 more resources");
});
