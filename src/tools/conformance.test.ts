/** What holds for every tool: its name is its place, its schemas are closed, its examples work, and it takes no more than it says. */
import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { type Json, canonicalize } from "../core/canonical.ts";
import { annotatedFields, check, jsonSchema, objectEntries } from "../core/schema.ts";
import type { Tool } from "../define/tool.ts";
import { tools } from "./index.ts";
import { callTool } from "./testdata/call.ts";
import { fakeHouse } from "./testdata/fakes.ts";

const names = tools.map(({ name }) => name);
const wire = (tool: Tool): string => tool.name.replaceAll(".", "_");

describe("the list", () => {
  test("has exactly the tools whose files are there", async () => {
    const declared: string[] = [];
    for await (const path of new Glob("*/*.ts").scan(import.meta.dir)) {
      if (path.endsWith(".test.ts") || path.startsWith("testdata/")) continue;
      const text = await Bun.file(`${import.meta.dir}/${path}`).text();
      const [, name] = /defineTool\(\{\s*name: "([^"]+)"/.exec(text) ?? [];
      if (name === undefined) continue;
      expect(`${name.replace(".", "/")}.ts`).toBe(path);
      declared.push(name);
    }
    expect(declared.sort()).toEqual([...names].sort());
  });

  test("answers to each name once, whichever of a tool's names it is", () => {
    const answering = tools.flatMap((tool) => [...new Set([tool.name, wire(tool), ...tool.aliases])]);
    expect(answering.filter((name, i) => answering.indexOf(name) !== i)).toEqual([]);
  });

  test("keeps the names of earlier systems", () => {
    const aliases = tools.flatMap((tool) => [wire(tool), ...tool.aliases]);
    for (const name of [
      "system_health",
      "system_query",
      "system_discover",
      "network_info",
      "file_read",
      "file_write",
    ]) {
      expect(aliases).toContain(name);
    }
    expect(aliases).toContain("directory_list");
  });

  test("is in order of names", () => {
    expect(names).toEqual([...names].sort());
  });
});

describe.each(tools.map((tool) => [tool.name, tool] as const))("%s", (_name, tool) => {
  test("is named so that every model interface takes it", () => {
    expect(tool.name).toMatch(/^[a-z]+\.[a-z]+$/);
    for (const name of [wire(tool), ...tool.aliases]) expect(name).toMatch(/^[a-zA-Z][a-zA-Z0-9_.]{0,63}$/);
    expect(tool.capability).toMatch(/^[a-z]+\.[a-z]+$/);
  });

  test("says in one sentence what it does, and how people ask for it", () => {
    expect(tool.summary).toMatch(/^[A-Z][^\n]{10,140}\.$/);
    expect(tool.summary.slice(0, -1)).not.toMatch(/[.!?]\s/);
    expect(tool.phrases.length).toBeGreaterThan(1);
    for (const phrase of tool.phrases) expect(phrase).toMatch(/^[^\s.][^\n]{4,80}$/);
    expect(new Set(tool.phrases).size).toBe(tool.phrases.length);
  });

  test("has schemas that serialise, are closed and are objects", () => {
    for (const schema of [tool.input, tool.output]) {
      const converted = jsonSchema(schema);
      expect(converted).toMatchObject({ type: "object", additionalProperties: false });
      expect(JSON.parse(JSON.stringify(converted))).toEqual(converted);
      expect(() => canonicalize(converted)).not.toThrow();
    }
  });

  test("has examples that check, and that no field may be added to", () => {
    expect(tool.examples.length).toBeGreaterThan(0);
    for (const example of tool.examples) {
      expect(() => check(tool.input, example, tool.name)).not.toThrow();
      const extended = { ...(example as object), zz_extra: 1 };
      // Where a field is secret an unknown key may be one too, and is not repeated.
      const discreet = annotatedFields(tool.input).some((note) => note.secret);
      const words = discreet ? `${tool.name}: there is an unknown key` : `${tool.name}: zz_extra: unknown key`;
      expect(() => check(tool.input, extended, tool.name)).toThrow(words);
    }
  });

  test("asks policy about every field that names something others own", () => {
    const marked = new Map<string, string | undefined>(
      annotatedFields(tool.input).map((note) => [note.field, note.resource?.kind]),
    );
    const kinds = {
      path: "path",
      src: "path",
      dst: "path",
      agent_id: "agent",
      run_id: "run",
      key: "name",
      url: "endpoint",
    };
    for (const [field, kind] of Object.entries(kinds)) {
      if (field in objectEntries(tool.input)) expect({ field, kind: marked.get(field) }).toEqual({ field, kind });
    }
  });

  test("answers its examples in its own form, with the handles it declares and no others", async () => {
    const touched = new Set<string>();
    for (const example of tool.examples) {
      const house = fakeHouse(workspaceFor(tool, example));
      const output = await callTool(tool, house.handles(tool.needs), example as Json);
      expect(() => canonicalize(output as Json)).not.toThrow();
      for (const name of house.touched) touched.add(name);
      if (tool.effect === "read") expect([...house.changed]).toEqual([]);
    }
    expect([...touched].sort()).toEqual([...tool.needs].sort());
  });

  test("changes Reeve itself only as an act of control", () => {
    const controls = [
      "agents.write",
      "config.write",
      "policy.write",
      "secrets.write",
      "runs.undo",
      "runs.accept",
    ].includes(tool.capability);
    expect(tool.effect === "control").toBe(controls);
  });
});

/** Files that make an example possible: everything it names as a source, holding what it wants replaced. */
function workspaceFor(tool: Tool, example: unknown): Readonly<Record<string, string>> {
  const input = example as Readonly<Record<string, unknown>>;
  const text = textBefore(input);
  const sources = ["path", "src"].flatMap((field) => (typeof input[field] === "string" ? [input[field]] : []));
  const isDirectory = tool.name === "fs.list" || tool.name === "code.search";
  const paths = sources.filter((path) => path !== ".").map((path) => (isDirectory ? `${path}/a.md` : path));
  return Object.fromEntries(["README.md", ...paths].map((path) => [path, text]));
}

function textBefore({ old, patch }: Readonly<Record<string, unknown>>): string {
  if (typeof old === "string") return old;
  if (typeof patch !== "string") return "one\ntwo\nthree\nfour\n";
  const lines = patch.split("\n").filter((line) => /^[- ]/.test(line) && !line.startsWith("---"));
  return lines.map((line) => `${line.slice(1)}\n`).join("");
}
