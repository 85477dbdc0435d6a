/** Kinds of addresses, against the tables and against arithmetic of another kind. */
import { describe, expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import fc from "fast-check";
import { addressFamily, addressKind, ownAddresses } from "./address.ts";
import { publicAddresses, refusedAddresses } from "./address-forms.ts";

const none: ReadonlySet<string> = new Set();

describe("an address", () => {
  test("of the tables is public or not", () => {
    expect(refusedAddresses.filter((address) => addressKind(address, none) === "public")).toEqual([]);
    expect(publicAddresses.filter((address) => addressKind(address, none) !== "public")).toEqual([]);
  });

  test("where no name leads is told from one of a private network", () => {
    const special = [
      "169.254.169.254",
      "100.100.100.200",
      "168.63.129.16",
      "fd00:ec2::254",
      "fe80::1",
      "0.0.0.0",
      "::",
    ];
    for (const address of special) expect([address, addressKind(address, none)]).toEqual([address, "special"]);
    for (const address of special.slice(0, 3))
      expect([address, addressKind(`::ffff:${address}`, none)]).toEqual([address, "special"]);
    for (const address of ["10.1.2.3", "127.0.0.1", "192.168.1.1", "172.20.0.1", "100.64.0.1", "fd12::1", "::1"])
      expect([address, addressKind(address, none)]).toEqual([address, "private"]);
  });

  test("has the same kind written as mapped, in either notation, or through NAT64", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(byte, byte, byte, byte, (a, b, c, d) => {
        const dotted = `${a}.${b}.${c}.${d}`;
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        const kind = addressKind(dotted, none);
        for (const form of [
          `::ffff:${dotted}`,
          `::ffff:${hex}`,
          `::FFFF:${hex}`,
          `0:0:0:0:0:ffff:${hex}`,
          `64:ff9b::${hex}`,
        ])
          expect([form, addressKind(form, none)]).toEqual([form, kind]);
        expect(addressKind(`::${dotted}`, none)).not.toBe("public");
        expect(addressKind(`2002:${hex}::1`, none)).toBe("special");
      }),
    );
  });

  test("of IPv4 is public exactly outside the registered networks", () => {
    const registered = `0/8 10/8 100.64/10 127/8 169.254/16 172.16/12 192.0.0/24 192.0.2/24 192.88.99/24 192.168/16
      198.18/15 198.51.100/24 203.0.113/24 224/4 240/4 168.63.129.16/32`.split(/\s+/);
    const ranges = registered.map((text) => {
      const [start = "", length = ""] = text.split("/");
      const [a = 0, b = 0, c = 0, d = 0] = start.split(".").map(Number);
      const first = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
      return { first, last: first + 2 ** (32 - Number(length)) - 1 };
    });
    const agrees = (n: number) => {
      const text = [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join(".");
      const isSpecial = ranges.some(({ first, last }) => n >= first && n <= last);
      expect([text, addressKind(text, none) === "public"]).toEqual([text, !isSpecial]);
    };
    for (const { first, last } of ranges) {
      for (const n of [first - 1, first, last, last + 1]) if (n >= 0 && n < 2 ** 32) agrees(n);
    }
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), agrees));
  });

  test("of IPv6 outside 2000::/3 is never public but for an IPv4 address inside", () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const text = groups.map((each) => each.toString(16)).join(":");
        const isGlobal = (groups[0] ?? 0) >> 13 === 1;
        if (!isGlobal) expect(addressKind(text, none)).not.toBe("public");
        expect(addressFamily(text)).toBe(6);
      }),
    );
  });

  test("of this machine is private, in whatever form", () => {
    const [anyOwn] = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    expect(anyOwn).toBeDefined();
    expect(ownAddresses().size).toBeGreaterThan(0);
    const own = new Set(["4:5db8d70e", "6:26064700000000000000000000001111"]);
    for (const address of [
      "93.184.215.14",
      "::ffff:93.184.215.14",
      "::ffff:5db8:d70e",
      "2606:4700::1111",
      "2606:4700:0::1111",
    ])
      expect([address, addressKind(address, own)]).toEqual([address, "private"]);
    expect(addressKind("93.184.215.15", own)).toBe("public");
  });

  test("has a family only in a strict spelling", () => {
    for (const text of ["1.2.3.4", "0.0.0.0"]) expect([text, addressFamily(text)]).toEqual([text, 4]);
    for (const text of ["::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "::FFFF:1.2.3.4"])
      expect([text, addressFamily(text)]).toEqual([text, 6]);
    const others =
      ":::: 1::2::3 1:2:3:4:5:6:7 1:2:3:4:5:6:7:8:9 12345:: ::1.2.3 ::1.2.3.04 [::1] fe80::1%1 1.2.3 01.2.3.4 1:2:3:4:5:6:7:8:: :1 1: : ::g";
    for (const text of [...others.split(" "), "", " ::1", "1.2.3.4 ", "1.2.3.4\n"])
      expect([text, addressFamily(text)]).toEqual([text, undefined]);
  });
});
