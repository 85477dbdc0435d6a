import { expect, test } from "bun:test";
import { broadSuffix, isAddressLiteral, isHostname, isPlace } from "./hostname.ts";

test("names and addresses in canonical form are host names", () => {
  for (const host of [
    "localhost",
    "api.github.com",
    "xn--bcher-kva.example",
    "127.0.0.1",
    "[::1]",
    "[2001:db8::1]",
    "a1.b2",
  ]) {
    expect([host, isHostname(host)]).toEqual([host, true]);
  }
});

test("other spellings of an address or name are not, so none slips past a comparison", () => {
  const others =
    "API.github.com github.com. 2130706433 0x7f.0.0.1 127.1 0x7f.1 127.0.0.01 256.0.0.1 1.2.3.4.5 [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::1%25lo]";
  const odd = [
    "",
    ".",
    "a..b",
    "-a.b",
    "a-.b",
    "a_b",
    "*",
    "*.a.b",
    "a b",
    "a/b",
    "a@b",
    "bücher.example",
    "[::1",
    "::1",
    `${"a".repeat(64)}.b`,
  ];
  for (const host of [...others.split(" "), ...odd]) expect([host, isHostname(host)]).toEqual([host, false]);
});

test("a suffix under which anyone can register is broad, a site's own is not", () => {
  for (const suffix of ["com", "org", "local", "co.uk", "com.au"])
    expect([suffix, broadSuffix(suffix)]).toEqual([suffix, `every host under .${suffix}`]);
  for (const suffix of ["example.com", "bbc.co.uk", "co.com", "example.uk"])
    expect(broadSuffix(suffix)).toBeUndefined();
});

test("a place is a host and a port in their one spelling", () => {
  for (const text of ["127.0.0.1:8080", "[::1]:1", "nas:445", "box.lan:65535"]) {
    expect([text, isPlace(text)]).toEqual([text, true]);
  }
  const others = "127.1:80 NAS:445 nas nas: nas:0 nas:080 nas:65536 [0::1]:80 ::1:80 *:80 nas.:80 a@nas:80 :80";
  for (const text of [...others.split(" "), "", "nas:80\n"]) expect([text, isPlace(text)]).toEqual([text, false]);
});

test("an address literal is told from a name", () => {
  for (const text of ["1.2.3.4", "[::1]"]) expect([text, isAddressLiteral(text)]).toEqual([text, true]);
  for (const text of ["nas", "a.b", "1.2.3", "::1", "1.example", "a.1"])
    expect([text, isAddressLiteral(text)]).toEqual([text, false]);
});
