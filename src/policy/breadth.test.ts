import { expect, test } from "bun:test";
import { Fault } from "../core/fault.ts";
import { checkGrantable } from "./breadth.ts";
import { profiles } from "./profiles.ts";

const known = [
  "fs.read",
  "fs.write",
  "fs.delete",
  "http.request",
  "shell.exec",
  "policy.read",
  "policy.write",
  "runs.read",
  "runs.undo",
  "runs.accept",
  "secrets.list",
  "secrets.write",
  "config.write",
];

function refusal(text: string, names: readonly string[] = known): Fault | undefined {
  try {
    checkGrantable(text, names);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
}

test("what is meant narrowly is granted", () => {
  const fine = [
    "fs.read",
    "fs.*:src/**",
    "fs.write:src/**",
    "http.request:GET api.github.com:443",
    "http.request:* *.example.com:443",
    "http.request:GET *.bbc.co.uk:443",
  ];
  const commands = [
    "shell.exec:git status",
    "shell.exec:python3 tools/report.py",
    "shell.exec:sudo systemctl status",
    "shell.exec:timeout 5 ls",
  ];
  expect([...fine, ...commands, "runs.read:*"].filter((text) => refusal(text))).toEqual([]);
});

test("a mistyped name is refused with the nearest", () => {
  expect(refusal("fs.raed:src/**")?.toRecord()).toMatchObject({
    code: "invalid_argument",
    hint: 'did you mean "fs.read"?',
  });
  expect(refusal("disk.*")?.message).toBe("there is no capability disk.*");
});

test("what is no capability is refused", () => {
  for (const text of [
    "*",
    "**",
    "",
    ":",
    "fs",
    "fs.",
    "fs.read.",
    "Fs.read",
    "fs.read*",
    "*.read",
    "fs..read",
    " fs.read",
    "fs.*.read",
    "fs.read\n",
  ]) {
    expect([text, refusal(text)?.code]).toEqual([text, "invalid_argument"]);
  }
});

test("control is refused under its own name and inside a family, naming what may be granted", () => {
  for (const text of [
    "policy.write",
    "config.write",
    "secrets.write:x",
    "runs.undo",
    "runs.accept",
    "policy.*",
    "secrets.*",
    "runs.*:*",
  ]) {
    expect([text, refusal(text)?.code]).toEqual([text, "permission_denied"]);
  }
  expect(refusal("policy.*")?.hint).toBe("grant by name what is meant: policy.read");
  expect(refusal("policy.write", ["fs.read"])?.code).toBe("permission_denied");
});

test("a pattern that can never match is refused with the reason", () => {
  for (const text of [
    "fs.read:/etc/**",
    "fs.read:../x",
    "fs.read:src/",
    "fs.read:",
    "http.request:* *",
    "http.request:get a.b:443",
    "shell.exec:git  x",
    "runs.read:*x",
  ]) {
    expect([text, refusal(text)?.message.includes("can never match")]).toEqual([text, true]);
  }
});

test("a grant as wide as the network is refused", () => {
  for (const text of [
    "http.request",
    "http.*",
    "http.request:* *:*",
    "http.request:GET *:443",
    "http.request:GET *.com:443",
    "http.request:GET *.co.uk:443",
  ]) {
    expect([text, refusal(text)?.message.includes("it covers every host")]).toEqual([text, true]);
  }
});

test("a grant that runs any command is refused, also by way of a launcher", () => {
  const wide = [
    "shell.exec",
    "shell.*",
    "shell.exec:*",
    "shell.exec:bash",
    "shell.exec:bash -lc",
    "shell.exec:/bin/sh -c",
    "shell.exec:env A=1",
    "shell.exec:sudo -n",
    "shell.exec:python3.12 -c",
    "shell.exec:timeout 5",
    "shell.exec:xargs -n 1",
  ];
  for (const text of wide)
    expect([text, /any command|every command/.test(refusal(text)?.message ?? "")]).toEqual([text, true]);
});

test("every grant of every profile is grantable", () => {
  const names = [...new Set(Object.values(profiles).flat())].map((text) => text.split(":")[0] ?? "");
  expect(
    Object.values(profiles)
      .flat()
      .filter((text) => refusal(text, names)),
  ).toEqual([]);
});
