/** Started by a test: another process at the same session, which appends to it or claims it and stays. */
import { isAlive, thisProcess } from "../../core/owner.ts";
import { SessionStore } from "../sessions.ts";
import { StateFile } from "../state.ts";

const [path = "", id = "", run = "", what = ""] = process.argv.slice(2);
const untainted = { untrusted: false, private: false };
const sessions = new SessionStore(new StateFile(path));
process.stdout.write("ready\n");
for await (const _ of console) break;

if (what === "claim") {
  process.stdout.write(`${await sessions.claim(id, run, thisProcess(), isAlive)}\n`);
  for await (const _ of console) break;
} else {
  for (let n = 0; n < 100; n++) {
    const line = (role: string) => ({ role, content: String(n), tokens: 1, created_at: "2026-01-01T00:00:01.000Z" });
    await sessions.append(id, run, [line("user"), line("assistant")], untainted);
  }
}
