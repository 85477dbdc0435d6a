/** The grammar of CONNECT, against the tricks that make two readers see two requests. */
import { describe, expect, test } from "bun:test";
import { Fault } from "../core/fault.ts";
import { headLength, parseConnect } from "./connect-request.ts";

const good = "CONNECT a.example:443 HTTP/1.1";
const host = "Host: a.example:443";
const parse = (...lines: readonly string[]) =>
  parseConnect(Buffer.from([...lines, "", ""].join("\r\n"), "latin1"), new Set());

function codeOf(act: () => unknown): string {
  try {
    act();
    return "read";
  } catch (thrown) {
    return thrown instanceof Fault ? thrown.code : String(thrown);
  }
}

describe("a CONNECT", () => {
  test("is read as clients send it", () => {
    const place = { host: "a.example", port: 443 };
    const basic = `Proxy-Authorization: Basic ${btoa("run-1:tok.en:x")}`;
    expect(parse(good, host)).toEqual({ place, credentials: undefined });
    expect(parse(good, "host:a.example", "User-Agent: curl/8", "Proxy-Connection: Keep-Alive", basic)).toEqual({
      place,
      credentials: { run: "run-1", token: "tok.en:x" },
    });
    expect(parse("CONNECT A.example.:443 HTTP/1.0", "proxy-authorization: bEARER tok.en  ")).toEqual({
      place,
      credentials: { run: undefined, token: "tok.en" },
    });
  });

  test.each([
    ["a folded header", [good, host, "X: a", " b"]],
    ["a bare CR", [good, host, "X: a\rY: b"]],
    ["a bare LF", [good, host, "X: a\nY: b"]],
    ["a NUL", [good, host, "X: a\0b"]],
    ["bytes beyond ASCII", [good, host, "X: \u00e9"]],
    ["white space before the colon", [good, "Host : a.example:443"]],
    ["no colon", [good, host, "X"]],
    ["no name", [good, host, ": x"]],
    ["two Hosts", [good, host, host]],
    ["another Host", [good, "Host: b.example:443"]],
    ["another port in Host", [good, "Host: a.example:444"]],
    ["no Host", [good]],
    ["two Hosts in one", [good, "Host: a.example:443, b.example:443"]],
    ["a length", [good, host, "Content-Length: 0"]],
    ["an encoding", [good, host, "Transfer-Encoding: chunked"]],
    ["an upgrade", [good, host, "Upgrade: h2c"]],
    ["an expectation", [good, host, "Expect: 100-continue"]],
    ["two tokens", [good, host, "Proxy-Authorization: Bearer a", "Proxy-Authorization: Bearer b"]],
    ["a token with a space", [good, host, "Proxy-Authorization: Bearer a b"]],
    ["another scheme of authorization", [good, host, "Proxy-Authorization: Digest x"]],
    ["loose base64", [good, host, "Proxy-Authorization: Basic cnVuOnRvaw"]],
    ["no run", [good, host, `Proxy-Authorization: Basic ${btoa(":tok")}`]],
    ["two spaces", ["CONNECT  a.example:443 HTTP/1.1", host]],
    ["a tab", ["CONNECT\ta.example:443 HTTP/1.1", host]],
    ["another version", ["CONNECT a.example:443 HTTP/2.0", host]],
    ["no version", ["CONNECT a.example:443", host]],
    ["a lower-case method", ["connect a.example:443 HTTP/1.1", host]],
    ["something behind", [`${good} x`, host]],
    ["an empty line first", ["", good, host]],
    ["a user", ["CONNECT u@a.example:443 HTTP/1.1", "Host: u@a.example:443"]],
    ["no port", ["CONNECT a.example HTTP/1.1", "Host: a.example"]],
    ["too many headers", [good, host, ...Array.from({ length: 64 }, (_, i) => `X-${i}: 1`)]],
  ])("with %s is refused", (_what, lines) => {
    expect(codeOf(() => parse(...lines))).toBe("invalid_argument");
  });

  test("is the only method, and the answer to others says what to do", () => {
    for (const method of ["GET", "POST", "OPTIONS", "PRI"])
      expect(codeOf(() => parse(`${method} http://a.example/ HTTP/1.1`, host))).toBe("unimplemented");
  });

  test("never has its token repeated by a fault", () => {
    const secret = `Proxy-Authorization: Basic ${btoa("run:sk-secret")}`;
    for (const lines of [
      [good, host, secret, secret],
      [good, secret],
      ["CONNECT sk-secret HTTP/1.1", host],
    ]) {
      try {
        parse(...lines);
        throw new Error("was read");
      } catch (thrown) {
        expect(JSON.stringify((thrown as Fault).toRecord())).not.toContain("sk-secret");
      }
    }
  });

  test("ends at the first empty line", () => {
    expect(headLength(Buffer.from("a\r\n\r\nb\r\n\r\n"))).toBe(5);
    expect(headLength(Buffer.from("a\r\n\r"))).toBeUndefined();
    expect(headLength(Buffer.from("a\n\n"))).toBeUndefined();
  });
});
