import { expect, test } from "bun:test";
import { Fault } from "../core/fault.ts";
import { bindingOf, checkBindings, type Destination, type SecretContent } from "./name.ts";
import { resolveReferences } from "./reference.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const secrets: Readonly<Record<string, SecretContent>> = {
  "git/token": { value: bytesOf("t0k3n"), allow: ["command:git push", "host:api.example.org"] },
  nested: { value: bytesOf("{{secret:git/token}}"), allow: ["host:api.example.org"] },
  binary: { value: Uint8Array.of(0xff, 0xfe, 0x00, 0x01), allow: ["host:api.example.org"] },
  unbound: { value: bytesOf("never-shown"), allow: [] },
};
const lookup = (name: string) => secrets[name];
const host = (name: string): Destination => ({ kind: "host", name });
const command = (name: string): Destination => ({ kind: "command", name });
const faultOf = (work: () => unknown) => {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
};

test("references become values for the destinations the secret is bound to", () => {
  const text = "Authorization: Bearer {{secret:git/token}} {{secret:git/token}}";
  expect(resolveReferences(text, host("api.example.org"), lookup)).toBe("Authorization: Bearer t0k3n t0k3n");
  expect(resolveReferences(text, host("API.Example.org."), lookup)).toBe("Authorization: Bearer t0k3n t0k3n");
  expect(resolveReferences("{{secret:git/token}}", command("git push"), lookup)).toBe("t0k3n");
  expect(resolveReferences("no reference, {{other:x}} {secret:a}", host("evil.example"), lookup)).toBe(
    "no reference, {{other:x}} {secret:a}",
  );
});

test("no destination that merely resembles a bound one gets the value", () => {
  const lookalikes = [
    ...["evil.example", "api.example.org.evil.example", "xapi.example.org", "example.org", "api.example.org:443"].map(
      host,
    ),
    ...["api.example.org\0.evil.example", "api.example.org..", "user@api.example.org", "", "git push"].map(host),
    ...["git push --force", "git  push", "git push ", "git", "api.example.org", "GIT PUSH", "git push\n"].map(command),
  ];
  for (const destination of lookalikes) {
    const fault = faultOf(() => resolveReferences("{{secret:git/token}}", destination, lookup));
    expect(fault.code).toBe("permission_denied");
    expect(fault.message).toContain('"git/token"');
  }
});

test("a fault names the secret and never shows its value", () => {
  const fault = faultOf(() => resolveReferences("{{secret:unbound}}", host("api.example.org"), lookup));
  expect(fault.code).toBe("permission_denied");
  expect(JSON.stringify(fault.toRecord())).not.toContain("never-shown");
});

test("an unknown secret is not found and a malformed name is refused, whatever else the text holds", () => {
  const at = host("api.example.org");
  expect(faultOf(() => resolveReferences("{{secret:git/token}} {{secret:nope}}", at, lookup)).code).toBe("not_found");
  for (const name of ["", "../x", "A", " git/token", "git/token "]) {
    expect(faultOf(() => resolveReferences(`{{secret:${name}}}`, at, lookup)).code).toBe("invalid_argument");
  }
});

test("a value that looks like a reference is not resolved again, and one with a dollar sign is put in as it is", () => {
  expect(resolveReferences("{{secret:nested}}", host("api.example.org"), lookup)).toBe("{{secret:git/token}}");
  const dollar = { value: bytesOf("$&$1$$"), allow: ["host:a"] };
  expect(resolveReferences("<{{secret:d}}>", host("a"), () => dollar)).toBe("<$&$1$$>");
});

test("a value that is not text cannot stand in text", () => {
  expect(faultOf(() => resolveReferences("{{secret:binary}}", host("api.example.org"), lookup)).code).toBe(
    "failed_precondition",
  );
});

test("bindings are one exact host or command each, sorted and once", () => {
  expect(checkBindings(["host:b", "command:ls -l", "host:b", "host:10.0.0.1"])).toEqual([
    "command:ls -l",
    "host:10.0.0.1",
    "host:b",
  ]);
  for (const binding of [
    "host:*",
    "host:A",
    "host:",
    "host:a b",
    "host:a.",
    "host:-a",
    "command:",
    "command: ls",
    "command:a\nb",
    "file:x",
    "host",
    "",
  ]) {
    expect(faultOf(() => checkBindings([binding])).code).toBe("invalid_argument");
  }
  expect(bindingOf(host("Example.ORG."))).toBe("host:example.org");
  expect(bindingOf(host("exämple.org"))).toBeUndefined();
});
