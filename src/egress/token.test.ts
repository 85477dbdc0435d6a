/** Tokens: nobody makes one without the key, and nothing added to one ever gives more. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Fault } from "../core/fault.ts";
import { newId } from "../core/id.ts";
import { randomBytes } from "../crypto/random.ts";
import { allowanceOf, type Caveat, type Grant, mintToken, narrowToken, refusalOf, verifyToken } from "./token.ts";

const key = randomBytes(32);
const times = ["2026-01-01T00:00:00.000Z", "2026-01-01T01:00:00.000Z", "2026-01-01T02:00:00.000Z"] as const;
const grant: Grant = { run: "run-1", agent: "worker", expires_at: times[2] };
const minted = (more: Caveat = {}) => mintToken(key, newId(), { ...grant, ...more });

function codeOf(act: () => unknown): string {
  try {
    act();
    return "nothing was thrown";
  } catch (thrown) {
    return thrown instanceof Fault ? thrown.code : String(thrown);
  }
}

const hosts = ["a.example", "b.example", "sub.a.example", "deep.sub.a.example"];
const patterns = [...hosts, "*.a.example", "*.example.org", "*.sub.a.example"];
const some = <T>(values: readonly T[]) => fc.subarray([...values], { minLength: 0 });
const caveats: fc.Arbitrary<Caveat> = fc.record(
  {
    run: fc.constantFrom("run-1", "run-2"),
    agent: fc.constantFrom("worker", "other"),
    hosts: some(patterns),
    ports: some([80, 443, 8443]),
    methods: some(["CONNECT", "GET"]),
    max_bytes_up: fc.integer({ min: 0, max: 5 }),
    max_bytes_down: fc.integer({ min: 0, max: 5 }),
    max_connections: fc.integer({ min: 0, max: 5 }),
    expires_at: fc.constantFrom(...times),
  },
  { requiredKeys: [] },
);

const requests = hosts.flatMap((host) =>
  [80, 443, 8443].flatMap((port) => ["CONNECT", "GET"].map((method) => ({ host, port, method }))),
);

describe("a token", () => {
  test("says whose it is and what it is held to", () => {
    const id = newId();
    const token = mintToken(key, id, { ...grant, hosts: ["a.example"], max_bytes_up: 10 });
    const bearer = verifyToken(key, narrowToken(token, { max_bytes_up: 4, expires_at: times[1] }));
    expect(bearer).toMatchObject({ id, run: "run-1", agent: "worker" });
    expect(bearer.caveats.length).toBe(2);
    expect(allowanceOf(bearer)).toEqual({
      max_bytes_up: 4,
      max_bytes_down: null,
      max_connections: null,
      expires_at: times[1],
    });
    expect(allowanceOf(verifyToken(key, minted())).max_bytes_up).toBe(null);
  });

  test("narrowed in any way by any steps never gives what the one before did not", () => {
    fc.assert(
      fc.property(caveats, fc.array(caveats, { maxLength: 6 }), (first, steps) => {
        let token = minted({ ...first, run: "run-1", agent: "worker", expires_at: first.expires_at ?? times[2] });
        for (const step of steps) {
          const before = verifyToken(key, token);
          token = narrowToken(token, step);
          const after = verifyToken(key, token);
          for (const request of requests) {
            for (const now of times) {
              if (refusalOf(before, request, now) !== undefined) expect(refusalOf(after, request, now)).toBeDefined();
            }
          }
          const [wide, narrow] = [allowanceOf(before), allowanceOf(after)];
          for (const field of ["max_bytes_up", "max_bytes_down", "max_connections"] as const)
            expect(narrow[field] ?? Infinity).toBeLessThanOrEqual(wide[field] ?? Infinity);
          expect(narrow.expires_at <= wide.expires_at).toBe(true);
          expect([after.run, after.agent, after.id]).toEqual([before.run, before.agent, before.id]);
        }
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    [{ hosts: ["a.example"] }, { host: "b.example" }],
    [{ hosts: [] }, {}],
    [{ hosts: ["*.a.example"] }, { host: "a.example" }],
    [{ ports: [443] }, { port: 80 }],
    [{ methods: ["GET"] }, {}],
    [{ run: "run-2" }, {}],
    [{ agent: "other" }, {}],
    [{ expires_at: times[0] }, {}],
  ])("held to %j refuses %j", (caveat, more) => {
    const request = { host: "a.example", port: 443, method: "CONNECT" };
    const wide = verifyToken(key, minted());
    expect(refusalOf(wide, request, times[0])).toBeUndefined();
    const narrow = verifyToken(key, narrowToken(minted(), caveat));
    expect(refusalOf(narrow, { ...request, ...more }, times[0])).toBeDefined();
  });

  test("is good for its own key only", () => {
    expect(codeOf(() => verifyToken(randomBytes(32), minted()))).toBe("unauthenticated");
  });

  test("with a byte changed, a caveat dropped, moved or swapped is good for nothing", () => {
    const token = narrowToken(narrowToken(minted({ hosts: ["a.example"] }), { ports: [443] }), { ports: [80] });
    const [prefix, id, body = "", tag] = token.split(".");
    const list: Json[] = JSON.parse(Buffer.from(body, "base64url").toString());
    const forge = (edited: unknown, signature = tag) =>
      [prefix, id, Buffer.from(JSON.stringify(edited)).toString("base64url"), signature].join(".");
    expect(forge(list)).toBe(token);
    const forged = [
      forge(list.slice(0, 2)),
      forge(list.slice(1)),
      forge([]),
      forge([list[0], list[2], list[1]]),
      forge([...list, {}]),
      forge([{ ...Object(list[0]), hosts: ["b.example"] }, ...list.slice(1)]),
      forge(list, Buffer.alloc(32).toString("base64url")),
      forge(list, ""),
      token.replace(id ?? "", newId()),
      `${token}=`,
      `${token}.`,
      ` ${token}`,
      token.replace("reeve1", "reeve2"),
      "",
    ];
    for (const text of forged) expect([text, codeOf(() => verifyToken(key, text))]).toEqual([text, "unauthenticated"]);
    for (let at = 0; at < token.length; at++) {
      const text = `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
      expect(codeOf(() => verifyToken(key, text))).toBe("unauthenticated");
    }
  });

  test("whose chain is right but which names nobody is refused", () => {
    const id = newId();
    expect(codeOf(() => verifyToken(key, mintToken(key, id, { ports: [1] } as unknown as Grant)))).toBe(
      "unauthenticated",
    );
  });

  test("is minted and narrowed only by what is well formed", () => {
    const odd: readonly unknown[] = [
      { hosts: ["*"] },
      { hosts: ["A.example"] },
      { hosts: "a.example" },
      { ports: [0] },
      { ports: [65_536] },
      { max_bytes_up: -1 },
      { max_bytes_up: 1.5 },
      { expires_at: "tomorrow" },
      { expires_at: "2026-01-01T00:00:00Z" },
      { extra: 1 },
      { run: "" },
      { methods: ["get"] },
    ];
    for (const caveat of odd) {
      expect([caveat, codeOf(() => narrowToken(minted(), caveat as Caveat))]).toEqual([caveat, "invalid_argument"]);
      expect(codeOf(() => minted(caveat as Caveat))).toBe("invalid_argument");
    }
    let token = minted();
    for (let i = 1; i < 16; i++) token = narrowToken(token, { max_bytes_up: 100 - i });
    expect(codeOf(() => narrowToken(token, {}))).toBe("invalid_argument");
    expect(verifyToken(key, token).caveats.length).toBe(16);
  });
});

type Json = unknown;
