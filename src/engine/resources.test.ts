/** What policy is asked about a call that runs commands, paths and endpoints. */
import { expect, test } from "bun:test";
import * as v from "valibot";
import { resource, resourceOf } from "../core/schema.ts";
import { agent } from "../define/principal.ts";
import { defineTool } from "../define/tool.ts";
import { decide } from "../policy/decide.ts";
import type { Policy } from "../policy/policy.ts";
import { resourcesOf } from "./resources.ts";

const list = v.optional(v.array(v.string()), []);
const tool = defineTool({
  name: "shell.exec",
  summary: "Run.",
  capability: "shell.exec",
  effect: "execute",
  needs: [],
  input: v.strictObject({
    line: v.optional(resourceOf(v.string(), "line")),
    command: v.optional(resourceOf(v.string(), "command")),
    args: list,
    cwd: v.optional(v.string()),
    fs_read: resourceOf(list, "path", { capability: "fs.read" }),
    network: resourceOf(list, "endpoint", { capability: "http.request" }),
    name: v.optional(resource("name")),
  }),
  output: v.strictObject({}),
  examples: [],
  handler: () => ({}),
});

const canonicalPath = (path: string) => path.replace(/^\.\//, "");
const endpoint = (method: string, url: string) => `${method} ${new URL(url).host}:443`;
const asked = (input: object) => resourcesOf({ canonicalPath, endpoint }, tool, input);
const values = async (input: object) => (await asked(input)).map(({ value }) => value);

function policy(...capabilities: readonly string[]): Policy {
  const grants = capabilities.map((capability, i) => ({
    id: `g${i}`,
    capability,
    expires_at: null,
    provenance: { by: "operator", via: "test", at: "2026-01-01T00:00:00Z" },
  }));
  return { version: 1, agents: new Map([["bot", grants]]), rules: [], fault: null } as unknown as Policy;
}

async function judged(input: object, ...capabilities: readonly string[]) {
  const resources = await asked(input);
  const request = {
    principal: agent("bot"),
    capability: "shell.exec",
    effect: "execute",
    resources,
    now_ms: 0,
  } as const;
  return decide(policy(...capabilities), request);
}

test("each command of a line is one, a computed word is null, and what is not known is said", async () => {
  expect(await values({ line: 'git status && ls "$x"' })).toEqual(['["git","status"]', '["ls",null]']);
  expect(await asked({ line: "echo x | sh" })).toEqual([
    { capability: "shell.exec", kind: "command", value: '["echo","x"]' },
    { capability: "shell.exec", kind: "command", value: '["sh"]' },
    { capability: "shell.exec", kind: "command", value: "[null]", why: "sh reads its commands from its input" },
  ]);
  expect(await values({ line: "A=1" })).toEqual(["[null]"]);
  expect(await values({ command: "grep", args: ["a b", "$(x)"] })).toEqual(['["grep","a b","$(x)"]']);
});

test("a program is known by one name", async () => {
  expect(await values({ command: "/usr/bin/git" })).toEqual(['["git"]']);
  expect(await values({ command: "//bin/./git" })).toEqual(['["git"]']);
  expect(await values({ command: "./build.sh", cwd: "sub" })).toEqual(['["./sub/build.sh"]']);
  expect(await values({ command: "/work/build.sh" })).toEqual(['["./build.sh"]']);
  expect(await values({ command: "../opt/x" })).toEqual(['["/opt/x"]']);
  expect(await values({ command: "build.sh", cwd: "sub" })).toEqual(['["build.sh"]']);
});

test("lists are asked about one by one, in their own capability", async () => {
  expect(await asked({ fs_read: ["./a", "b"], network: ["example.org:443"], name: "n" })).toEqual([
    { capability: "fs.read", kind: "path", value: "a" },
    { capability: "fs.read", kind: "path", value: "b" },
    { capability: "http.request", kind: "endpoint", value: "CONNECT example.org:443" },
    { capability: "shell.exec", kind: "name", value: "n" },
  ]);
});

test("more than a record can hold is refused", async () => {
  await expect(asked({ command: "a", args: ["x".repeat(40_000)] })).rejects.toThrow("more than a record can hold");
});

test("every command needs its grant, and a wrapper needs that of what it starts", async () => {
  const effect = async (line: string, ...grants: string[]) => (await judged({ line }, ...grants)).effect;
  expect(await effect("git status", "shell.exec:git status")).toBe("allow");
  expect(await effect("git status; rm x", "shell.exec:git status")).toBe("deny");
  expect(await effect("git $x", "shell.exec:git status")).toBe("deny");
  expect(await effect("git status $x", "shell.exec:git status")).toBe("allow");
  expect(await effect("timeout 5 git status", "shell.exec:git status")).toBe("allow");
  expect(await effect("timeout 5 rm x", "shell.exec:timeout 5", "shell.exec:git status")).toBe("deny");
  expect(await effect("sudo git status", "shell.exec:git status")).toBe("deny");
  expect(await effect("bash -c 'git status'", "shell.exec:git status")).toBe("allow");
  expect(await effect("PATH=. git status", "shell.exec:git status")).toBe("deny");
  expect(await effect("env", "shell.exec:git status")).toBe("deny");
  expect(await effect("$x", "shell.exec")).toBe("allow");
});

test("a refusal says why a line is not known", async () => {
  const decision = await judged({ line: "git status | sh" }, "shell.exec:git status", "shell.exec:sh");
  expect(decision).toMatchObject({ effect: "deny" });
  expect(decision.reason).toContain("sh reads its commands from its input");
});

test("a wrapper alone covers nothing", () => {
  const resources = [{ capability: "shell.exec", kind: "command", value: '["env"]', wraps: true }] as const;
  const request = {
    principal: agent("bot"),
    capability: "shell.exec",
    effect: "execute",
    resources,
    now_ms: 0,
  } as const;
  expect(decide(policy("fs.read:**"), request).effect).toBe("deny");
});
