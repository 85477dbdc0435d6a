/** Started by a test: a process that drives one run of a state.db, and is deaf, polite or in the way, as it is told. */
import { RunStore } from "../../store/runs.ts";
import { StateFile } from "../../store/state.ts";
import { thisProcess } from "../../core/owner.ts";

const [path = "", id = "", principal = "", manner = ""] = process.argv.slice(2);
const file = new StateFile(path);
const runs = new RunStore(file);
const created_at = new Date().toISOString();
await runs.insert({ id, principal, source: "cli", created_at, owner: thisProcess() });
const child = manner === "with-child" ? Bun.spawn(["sleep", "1000"], { env: {} }) : undefined;
if (manner !== "polite") for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
process.stdout.write(`ready ${child?.pid ?? 0}\n`);

if (manner === "polite") {
  setInterval(async () => {
    if (!runs.cancelRequests(thisProcess()).includes(id)) return;
    await runs.end(id, { state: "cancelled", ended_at: new Date().toISOString(), fault: null, end_seq: null });
  }, 5);
} else {
  const spin = () => {
    for (;;) Bun.sleepSync(1000);
  };
  if (manner === "locking") file.transact(spin);
  else spin();
}
