/** sd_notify against a real datagram socket, which the runtime itself cannot open: python3 listens. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { notify } from "./notify.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "reeve-notify-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const listen = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", "\\0", 1) if sys.argv[1].startswith("@") else sys.argv[1])
s.settimeout(10)
print("bound", flush=True)
print(s.recv(4096).decode(), flush=True)
`;

test.each([
  ["a path", ""],
  ["an abstract name", "@"],
])("by %s, the manager hears it", async (_what, kind) => {
  const socket = kind === "" ? join(directory, "notify") : `@reeve-test-${process.pid}-${Date.now()}`;
  const manager = Bun.spawn(["python3", "-c", listen, socket], {
    stdout: "pipe",
    env: { PATH: process.env["PATH"] ?? "" },
  });
  const reader = manager.stdout.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("bound\n");
  notify(socket, "READY=1\nSTATUS=here");
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("READY=1\nSTATUS=here\n");
  await manager.exited;
});

test("a manager that is not there, and what is no name of a socket, are faults", () => {
  expect(() => notify(join(directory, "nobody"), "READY=1")).toThrow("does not listen");
  for (const name of ["", "relative", "/", "@", "/a\0b", `/${"x".repeat(200)}`]) {
    expect(() => notify(name, "READY=1")).toThrow(/names no socket|does not listen/);
  }
});
