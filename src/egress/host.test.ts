/** The grammar of places against every spelling of the tables, and what holds for all of them. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Fault } from "../core/fault.ts";
import { acceptedForms, refusedAuthorities, refusedForms } from "./forms.ts";
import { coversHost, isHostPattern, parseAuthority, parseTarget, placeText } from "./host.ts";

function faultOf(act: () => unknown): Fault | undefined {
  try {
    act();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
}

describe("a URL", () => {
  test("in a spelling two parsers could differ on, or of no public name, is refused", () => {
    const passed = refusedForms.filter(({ url }) => faultOf(() => parseTarget(url)) === undefined);
    expect(passed).toEqual([]);
    expect(new Set(refusedForms.map(({ url }) => url)).size).toBeGreaterThanOrEqual(150);
  });

  test("as people write it is read as the place it names", () => {
    for (const [url, place] of acceptedForms) expect([url, placeText(parseTarget(url))]).toEqual([url, place]);
    expect(acceptedForms.length).toBeGreaterThanOrEqual(50);
  });

  test("gives back its parts as they go over the wire, without the fragment", () => {
    expect(parseTarget("HTTP://Example.com.:8080/a/../b%20cé?q=é#frag")).toEqual({
      scheme: "http",
      host: "example.com",
      port: 8080,
      path: "/b%20c%C3%A9",
      query: "?q=%C3%A9",
    });
    expect(parseTarget("https://example.com?x").path).toBe("/");
  });

  test("that holds credentials is refused without repeating them", () => {
    const fault = faultOf(() => parseTarget("https://user:sk-secret@example.com/"));
    expect(fault?.code).toBe("invalid_argument");
    expect(JSON.stringify(fault?.toRecord())).not.toContain("sk-secret");
  });

  test("of more than 8192 characters is refused", () => {
    const of = (length: number) => "https://example.com/".padEnd(length, "a");
    expect(parseTarget(of(8192)).path.length).toBe(8192 - 19);
    expect(faultOf(() => parseTarget(of(8193)))?.message).toContain("more than 8192 characters");
  });

  test("that is read means the same to the runtime's parser", () => {
    const odd = fc.constantFrom(..."abcxn-.:@/\\?#[]%019 \t\n\u0000。．ｅ☃é_*");
    const authority = fc.string({ unit: odd, maxLength: 24 });
    fc.assert(
      fc.property(authority, (text) => {
        const url = `https://${text}.com/`;
        if (faultOf(() => parseTarget(url))) return;
        const target = parseTarget(url);
        const other = new URL(url);
        expect(other.hostname.replace(/\.$/, "")).toBe(target.host);
        expect(other.port || "443").toBe(String(target.port));
        expect(other.username + other.password).toBe("");
        expect(placeText(parseTarget(`https://${placeText(target)}/`))).toBe(placeText(target));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the authority of a CONNECT", () => {
  test("is a host and a port, and nothing else", () => {
    expect(parseAuthority("EXAMPLE.com.:443")).toEqual({ host: "example.com", port: 443 });
    const passed = refusedAuthorities.filter((text) => faultOf(() => parseAuthority(text)) === undefined);
    expect(passed).toEqual([]);
  });

  test("of every refused URL is refused as well", () => {
    for (const { url } of refusedForms) {
      const [, authority] = /^https?:\/\/([^/?#]*)/.exec(url) ?? [];
      // White space and marks after the authority are a matter of the whole URL.
      if (authority === undefined || acceptedForms.some(([form]) => form.includes(`//${authority}/`))) continue;
      const withPort = /:\d+$/.test(authority) ? authority : `${authority}:443`;
      expect([authority, faultOf(() => parseAuthority(withPort)) !== undefined]).toEqual([authority, true]);
    }
  });
});

describe("a place only the operator can name", () => {
  const named = new Set(["127.0.0.1:8080", "[::1]:8080", "nas.lan:443", "build:80"]);

  test("is read when exactly it is named, in its one spelling", () => {
    expect(parseTarget("http://127.0.0.1:8080/x", named)).toMatchObject({ host: "127.0.0.1", port: 8080 });
    expect(parseTarget("http://[::1]:8080/", named)).toMatchObject({ host: "[::1]", port: 8080 });
    expect(parseTarget("https://NAS.lan/", named)).toMatchObject({ host: "nas.lan", port: 443 });
    expect(parseAuthority("build:80", named)).toEqual({ host: "build", port: 80 });
  });

  test("is refused at another port or in another spelling", () => {
    const others = [
      "http://127.0.0.1/",
      "http://127.0.0.1:8081/",
      "http://127.1:8080/",
      "http://0x7f000001:8080/",
      "http://[0:0::1]:8080/",
      "http://[::ffff:127.0.0.1]:8080/",
      "http://nas.lan/",
      "https://a.nas.lan/",
      "http://build:81/",
    ];
    for (const url of others) expect([url, faultOf(() => parseTarget(url, named)) !== undefined]).toEqual([url, true]);
    const fault = faultOf(() => parseTarget("http://127.0.0.1:81/", named));
    expect(fault).toMatchObject({ code: "permission_denied" });
    expect(fault?.hint).toContain('"127.0.0.1:81"');
  });
});

test("a wildcard covers whole labels below a name and not the name itself", () => {
  const covered = ["a.x.com", "a.b.x.com"];
  const others = ["x.com", "notx.com", "a.notx.com", "x.com.evil.com", "ax.com", ".x.com", ""];
  for (const host of covered) expect([host, coversHost("*.x.com", host)]).toEqual([host, true]);
  for (const host of others) expect([host, coversHost("*.x.com", host)]).toEqual([host, false]);
  expect(coversHost("x.com", "x.com")).toBe(true);
  expect(coversHost("x.com", "a.x.com")).toBe(false);
  for (const pattern of ["x.com", "*.x.com", "127.0.0.1", "[::1]", "nas"])
    expect([pattern, isHostPattern(pattern)]).toEqual([pattern, true]);
  for (const pattern of ["*", "*.", "*.com", "*.*.x.com", "a.*.com", "*x.com", "X.com", "*.0.0.1", "*.lan", "x.com."])
    expect([pattern, isHostPattern(pattern)]).toEqual([pattern, false]);
});
