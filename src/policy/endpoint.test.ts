/** Endpoints with paths: what a pattern covers, what no spelling evades, and what a tunnel leaves open. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { agent } from "../define/principal.ts";
import { checkGrantable } from "./breadth.ts";
import { decide } from "./decide.ts";
import { endpointProblem, matchesEndpoint } from "./endpoint.ts";
import type { Policy } from "./policy.ts";

const fits = (pattern: string, value: string) => matchesEndpoint(pattern, value, false);

describe("a path in a pattern", () => {
  test("covers itself and what lies beneath it, with or without a slash at its end", () => {
    for (const pattern of ["GET a.b:443/repos/me", "GET a.b:443/repos/me/"]) {
      for (const path of ["/repos/me", "/repos/me/", "/repos/me/x", "/repos/me/x/y"]) {
        expect([pattern, path, fits(pattern, `GET a.b:443${path}`)]).toEqual([pattern, path, true]);
      }
      for (const path of ["/repos/mex", "/repos", "/", "/repos/ME/x", "/x/repos/me", "/repos/me%2Fx", ""]) {
        expect([pattern, path, fits(pattern, `GET a.b:443${path}`)]).toEqual([pattern, path, false]);
      }
    }
  });

  test("ends at a final question mark", () => {
    expect(fits("GET a.b:443/x?", "GET a.b:443/x")).toBe(true);
    expect(fits("GET a.b:443/x?", "GET a.b:443/x/")).toBe(false);
    expect(fits("GET a.b:443/x?", "GET a.b:443/x/y")).toBe(false);
    expect(fits("GET a.b:443/?", "GET a.b:443/")).toBe(true);
    expect(fits("GET a.b:443/?", "GET a.b:443/x")).toBe(false);
  });

  test("left out means every path, and / too, of what has one", () => {
    expect(fits("GET a.b:443", "GET a.b:443/x/y")).toBe(true);
    expect(fits("GET a.b:443/", "GET a.b:443/x/y")).toBe(true);
    expect(fits("GET a.b:443", "GET a.b:443")).toBe(true);
    expect(fits("GET a.b:443/", "GET a.b:443")).toBe(false);
  });

  test("goes with every form of method, host and port", () => {
    expect(fits("* *.a.b:*/x", "POST c.a.b:8443/x/y")).toBe(true);
    expect(fits("* *.a.b:*/x", "POST c.a.b:8443/y")).toBe(false);
    expect(fits("* *:*/x", "GET [::1]:80/x")).toBe(true);
  });
});

test("patterns that can never match are named, and so are values of other spellings", () => {
  for (const path of [
    "/a/../b",
    "/a//b",
    "/%2e%2e",
    "/a*",
    "/*",
    "/a?b",
    "/a??",
    "/a#b",
    "/ä",
    "/a b",
    "/a%2fb",
    "/?/",
  ]) {
    expect([path, endpointProblem(`GET a.b:443${path}`, true) === undefined]).toEqual([path, false]);
  }
  for (const path of ["/a/..", "//", "/%41", "/a?", "/a?x=1", "/%2f", "/a%5Cb", "/a\\b", "/%c3%a9"]) {
    expect([path, endpointProblem(`GET a.b:443${path}`, false) === undefined]).toEqual([path, false]);
  }
  for (const path of ["/", "/a/", "/a*b", "/a/b;c"])
    expect(endpointProblem(`GET a.b:443${path}`, false)).toBeUndefined();
  for (const path of ["/", "/a/", "/a?", "/?"]) expect(endpointProblem(`* *.a.b:*${path}`, true)).toBeUndefined();
  expect(endpointProblem("GET a.b/x:443", false)).toBeDefined();
  expect(endpointProblem(`GET a.b:443/${"a".repeat(3000)}`, false)).toBeDefined();
});

const segment = fc.constantFrom("a", "b", "ab", "A", "c.d", "%C3%A9");
const pathOf = fc.array(segment, { maxLength: 4 }).map((parts) => `/${parts.join("/")}`);
const end = fc.constantFrom("", "/", "?");
const patternOf = fc.tuple(
  fc.constantFrom("GET", "POST", "*"),
  fc.constantFrom("x.org", "*.x.org", "*"),
  fc.constantFrom("443", "*"),
  fc.oneof(
    fc.constant(""),
    fc.tuple(pathOf, end).map(([path, tail]) => (path === "/" && tail === "/" ? path : path + tail)),
  ),
);
const valueOf = fc.tuple(
  fc.constantFrom("GET", "POST", "CONNECT"),
  fc.constantFrom("x.org", "y.x.org", "evilx.org"),
  fc.constantFrom("443", "80"),
  fc.oneof(
    fc.constant(""),
    pathOf,
    pathOf.map((path) => (path === "/" ? path : `${path}/`)),
  ),
);
const textOf = ([method, host, port, path]: readonly [string, string, string, string]) =>
  `${method} ${host}:${port}${path}`;

test("a pattern never covers what one with a part of its path left off does not", () => {
  fc.assert(
    fc.property(patternOf, valueOf, ([method, host, port, path], value) => {
      fc.pre(!endpointProblem(textOf([method, host, port, path]), true));
      const isCovered = matchesEndpoint(textOf([method, host, port, path]), textOf(value), false);
      const bare = path.endsWith("?") ? path.slice(0, -1) : path;
      const parents = [
        "",
        ...bare
          .split("/")
          .slice(1)
          .map((_, i, all) => `/${all.slice(0, i + 1).join("/")}`),
      ];
      for (const parent of parents) {
        if (endpointProblem(textOf([method, host, port, parent]), true)) continue;
        if (isCovered) expect(fits(textOf([method, host, port, parent]), textOf(value))).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

test("whatever a grant covers, a rule of the same pattern covers", () => {
  fc.assert(
    fc.property(patternOf, valueOf, (pattern, value) => {
      const [text, asked] = [textOf(pattern), textOf(value)];
      if (matchesEndpoint(text, asked, false)) expect(matchesEndpoint(text, asked, true)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("what a pattern with a path covers is, once decoded, still beneath that path", () => {
  const piece = fc.constantFrom("a", "/", "..", ".", "%2e", "%2F", "%5C", ";", "b", "%c0%af", "\\", "//", "%252e");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 7 }), (pieces) => {
      const path = `/a/${pieces.join("")}`;
      const value = `GET x.org:443${path}`;
      if (endpointProblem(value, false) || !fits("GET x.org:443/a", value)) return;
      expect(`${new URL(`http://x.org${decodeURIComponent(decodeURIComponent(path))}`).pathname}/`).toStartWith("/a/");
    }),
    { numRuns: 1000 },
  );
});

describe("a tunnel and an endpoint without a path", () => {
  test("are covered by no grant that is narrower, and by every rule that could hold for what goes through", () => {
    for (const [pattern, value] of [
      ["GET x.org:443", "CONNECT x.org:443"],
      ["POST x.org:443/admin", "CONNECT x.org:443"],
      ["* x.org:443/admin", "CONNECT x.org:443"],
      ["GET x.org:443/admin", "GET x.org:443"],
    ] as const) {
      expect([value, matchesEndpoint(pattern, value, false)]).toEqual([value, false]);
      expect([value, matchesEndpoint(pattern, value, true)]).toEqual([value, true]);
    }
    expect(matchesEndpoint("POST y.org:443", "CONNECT x.org:443", true)).toBe(false);
    expect(matchesEndpoint("POST x.org:80", "CONNECT x.org:443", true)).toBe(false);
    expect(matchesEndpoint("POST x.org:443", "GET x.org:443", true)).toBe(false);
    expect(fits("* x.org:443", "CONNECT x.org:443")).toBe(true);
  });

  test("so that a denial of a path keeps an agent from tunnelling to its host", () => {
    const provenance = { by: "operator", via: "test", at: "2026-01-01T00:00:00Z" };
    const grants = [{ id: "g", capability: "http.request:* x.org:443", expires_at: null, provenance }];
    const rule = {
      id: "r",
      effect: "deny",
      principal: "*",
      capability: "http.request:POST x.org:443/admin",
      reason: "no",
    } as const;
    const policy: Policy = { agents: new Map([["bot", grants]]), rules: [rule], fault: undefined, revision: null };
    const about = (value: string) =>
      decide(policy, {
        principal: agent("bot"),
        capability: "http.request",
        effect: "network",
        resources: [{ capability: "http.request", kind: "endpoint", value }],
        now_ms: 0,
      }).effect;
    expect(about("CONNECT x.org:443")).toBe("deny");
    expect(about("POST x.org:443/admin/x")).toBe("deny");
    expect(about("POST x.org:443/other")).toBe("allow");
    expect(about("GET x.org:443/admin")).toBe("allow");
    expect(about("POST x.org:443/%61dmin")).toBe("deny");
  });
});

test("a grant for every host stays too wide however narrow its path", () => {
  const known = ["http.request"];
  for (const pattern of ["GET *:443/x", "* *.com:443/x/y", "GET *.co.uk:*/z?"]) {
    expect(() => checkGrantable(`http.request:${pattern}`, known)).toThrow("it covers every host");
  }
  expect(checkGrantable("http.request:GET api.github.com:443/repos/me/", known).pattern).toBe(
    "GET api.github.com:443/repos/me/",
  );
});
