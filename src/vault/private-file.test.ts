import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { checkPrivateDirectory, readOwned } from "./private-file.ts";

const base = mkdtempSync(join(tmpdir(), "private-file-test-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const self = process.geteuid?.() ?? -1;
const codeOf = (work: () => unknown) => {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.code;
    throw thrown;
  }
  return "none";
};

test("a file or directory of another user is refused", () => {
  const path = join(base, "file");
  writeFileSync(path, "x", { mode: 0o600 });
  expect(readOwned(path, { max_bytes: 10, private: true, owner: self })).toEqual(Uint8Array.of(0x78));
  expect(codeOf(() => readOwned(path, { max_bytes: 10, private: true, owner: self + 1 }))).toBe("failed_precondition");
  expect(codeOf(() => checkPrivateDirectory(base, self))).toBe("none");
  expect(codeOf(() => checkPrivateDirectory(base, self + 1))).toBe("failed_precondition");
});

test("a pipe, a device or a directory in place of a file is refused at once", () => {
  const pipe = join(base, "pipe");
  expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
  mkdirSync(join(base, "directory"));
  for (const path of [pipe, "/dev/zero", join(base, "directory")]) {
    expect(codeOf(() => readOwned(path, { max_bytes: 10, private: false }))).toBe("failed_precondition");
  }
  expect(codeOf(() => checkPrivateDirectory(pipe))).toBe("failed_precondition");
});

test("a missing file is not found and an oversized one is data loss", () => {
  const path = join(base, "large");
  writeFileSync(path, new Uint8Array(11));
  expect(codeOf(() => readOwned(path, { max_bytes: 10, private: false }))).toBe("data_loss");
  expect(codeOf(() => readOwned(`${path}.none`, { max_bytes: 10, private: false }))).toBe("not_found");
});
