import { describe, expect, test } from "bun:test";
import { grammars } from "./pattern.ts";

type Kind = keyof typeof grammars;

const fits = (kind: Kind, pattern: string, value: string) => grammars[kind].matches(pattern, value, false);
const argv = (...words: string[]) => JSON.stringify(words);

describe("endpoints", () => {
  test("method, host and port must all agree", () => {
    const pattern = "GET api.github.com:443";
    expect(fits("endpoint", pattern, "GET api.github.com:443")).toBe(true);
    for (const value of [
      "POST api.github.com:443",
      "GET github.com:443",
      "GET api.github.com:80",
      "GET xapi.github.com:443",
    ]) {
      expect(fits("endpoint", pattern, value)).toBe(false);
    }
  });

  test("a host wildcard stands for whole labels only", () => {
    const pattern = "* *.example.com:*";
    for (const host of ["a.example.com", "a.b.example.com"])
      expect(fits("endpoint", pattern, `GET ${host}:1`)).toBe(true);
    for (const host of ["example.com", "evilexample.com", "a.example.com.evil.org", ".example.com"]) {
      expect(fits("endpoint", pattern, `GET ${host}:1`)).toBe(false);
    }
  });

  test("patterns that can never match are named", () => {
    const bad = [
      "*",
      "GET",
      "GET host",
      "get a.b:443",
      "GET A.b:443",
      "GET a.b:0",
      "GET a.b:65536",
      "GET a.b:x",
      "GET a*.b:443",
      "GET *.1.2.3.4:443",
      "GET *.[::1]:443",
      "* *",
      "GET a.b.:443",
      "GET  a.b:443",
    ];
    expect(bad.filter((pattern) => grammars.endpoint.patternProblem(pattern) === undefined)).toEqual([]);
    const good = [
      "GET a.b:443",
      "* a.b:*",
      "GET *.a.b:443",
      "GET 127.0.0.1:80",
      "GET [::1]:80",
      "* *:*",
      "GET *.node1:80",
    ];
    expect(good.filter((pattern) => grammars.endpoint.patternProblem(pattern) !== undefined)).toEqual([]);
  });

  test("wildcards are no values", () => {
    for (const value of ["* a.b:443", "GET *:443", "GET *.a.b:443", "GET a.b:*", "GET 2130706433:80"]) {
      expect([value, grammars.endpoint.valueProblem(value) === undefined]).toEqual([value, false]);
    }
  });
});

describe("commands", () => {
  test("a prefix of whole words", () => {
    expect(fits("command", "git status", argv("git", "status"))).toBe(true);
    expect(fits("command", "git status", argv("git", "status", "-s"))).toBe(true);
    expect(fits("command", "git status", argv("git", "statusx"))).toBe(false);
    expect(fits("command", "git status", argv("git"))).toBe(false);
    expect(fits("command", "git status", argv("git status"))).toBe(false);
  });

  test("an argument with spaces does not pass for several: the old `bash -lc echo` hole", () => {
    expect(fits("command", "bash -lc echo", argv("bash", "-lc", "echo x; id"))).toBe(false);
  });

  test("what is not known of a command is no ground for a grant and every ground for a rule", () => {
    const may = (pattern: string, value: string) => [
      grammars.command.matches(pattern, value, false),
      grammars.command.matches(pattern, value, true),
    ];
    expect(may("git status", '["git",null]')).toEqual([false, true]);
    expect(may("git status", '["git","status",null]')).toEqual([true, true]);
    expect(may("git status", '["git","push",null]')).toEqual([false, false]);
    expect(may("git status", '["git",null,"status"]')).toEqual([false, true]);
    expect(may("git", "[null]")).toEqual([false, true]);
    expect(may("git push", '["git"]')).toEqual([false, false]);
    expect(may("*", "[null]")).toEqual([true, true]);
  });

  test("only an argument vector is a value", () => {
    for (const value of ["git status", "[]", '[""]', "[1]", '{"a":1}', '"git"']) {
      expect([value, grammars.command.valueProblem(value) === undefined]).toEqual([value, false]);
      expect(fits("command", "*", value) && value !== '[""]').toBe(false);
    }
  });

  test("patterns that can never match are named", () => {
    for (const pattern of ["", " git", "git  x", 'git "a b"', "git 'a'", "git *", "git\\ x", "git\nx"]) {
      expect([pattern, grammars.command.patternProblem(pattern) === undefined]).toEqual([pattern, false]);
    }
  });
});

describe("names", () => {
  test("are equal, or begin alike before a final star", () => {
    expect(fits("name", "provider/x", "provider/x")).toBe(true);
    expect(fits("name", "provider/*", "provider/x")).toBe(true);
    expect(fits("name", "*", "anything")).toBe(true);
    expect(fits("name", "provider/x", "provider/xy")).toBe(false);
    expect(fits("name", "provider/*", "providers")).toBe(false);
  });

  test("patterns that can never match are named", () => {
    for (const pattern of ["", "*x", "a*b", "**", "a\n"]) {
      expect([pattern, grammars.name.patternProblem(pattern) === undefined]).toEqual([pattern, false]);
    }
  });
});

test("the pattern that covers everything covers a value of its kind", () => {
  const values: Record<Kind, string> = { path: ".", endpoint: "GET a.b:1", command: argv("a"), name: "a" };
  for (const kind of Object.keys(grammars) as Kind[]) {
    expect(grammars[kind].patternProblem(grammars[kind].everything)).toBeUndefined();
    expect(fits(kind, grammars[kind].everything, values[kind])).toBe(true);
  }
});
