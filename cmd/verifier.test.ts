/** What the binary exports is verified by the program in docs/security that shares no code with it. */
import { afterAll, expect, test } from "bun:test";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const place = mkdtempSync(join(tmpdir(), "reeve-verifier-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const env = { HOME: place, XDG_STATE_HOME: join(place, "state"), PATH: "/usr/local/bin:/usr/bin:/bin" };

function reeve(home: string, ...argv: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync([join(root, "dist/reeve"), ...argv, "--home", join(place, home)], { env });
  if (exitCode !== 0) throw new Error(stderr.toString());
}

function verify(directory: string, keys: string): { readonly exit: number; readonly text: string } {
  const script = join(root, "docs/security/verify_ledger.py");
  const { exitCode, stdout } = Bun.spawnSync(["python3", script, directory, keys], { env });
  return { exit: exitCode, text: stdout.toString() };
}

test("an export of real runs verifies against the key pinned outside the home, and no other or altered one does", () => {
  reeve("a", "init", "--witness", join(place, "a.note"));
  reeve("b", "init", "--witness", join(place, "b.note"));
  reeve("a", "ask", "what time is it?");
  reeve("a", "policy", "grant", "agent:default", "fs.write:notes/**");
  reeve("a", "run", "--message", '/tool fs.write {"path":"a.txt","content":"ä"}');
  const [tiles, key] = [join(place, "tiles"), join(place, "a.note.vkey")];
  reeve("a", "verify-ledger", "--export", tiles);
  const report = verify(tiles, key);
  expect(report.text).toMatch(/^OK: \d+ entries of agent-ledger\//);
  expect(report.exit).toBe(0);
  expect(verify(tiles, join(place, "b.note.vkey")).exit).toBe(20);
  const [entries = ""] = globSync(join(tiles, "tile/entries/000*/*"));
  const bytes = readFileSync(entries);
  bytes.write("fs.wrong", bytes.indexOf("fs.write"));
  writeFileSync(entries, bytes);
  expect(verify(tiles, key).exit).toBe(14);
});
