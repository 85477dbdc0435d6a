/** Started by a test, twice at once: opens the home, waits for a line, and takes or answers an approval. */
import { homeAt } from "../../core/home.ts";
import { Fault } from "../../core/fault.ts";
import { operator } from "../../define/principal.ts";
import { decideApproval, takeApproval } from "../approvals.ts";
import { openEngine } from "../open.ts";

const [root = "", id = "", what = ""] = process.argv.slice(2);
const engine = await openEngine({ home: homeAt(root), tools: [], providers: [], version: "test" });
const desk = { ...engine.keeper, catalogue: engine.catalogue };
const row = desk.approvals.get(id);
if (!row) throw new Error(`no approval ${id}`);
process.stdout.write("ready\n");
for await (const _ of console) break;
try {
  if (what === "take") process.stdout.write(await takeApproval(desk, row, row.digest));
  else {
    const answer = what === "approve" ? ({ decision: "approve", scope: "once" } as const) : undefined;
    await decideApproval(desk, id, operator, answer ?? { decision: "deny", reason: "no" });
    process.stdout.write(what);
  }
} catch (thrown) {
  process.stdout.write(thrown instanceof Fault ? thrown.code : String(thrown));
}
await engine.close();
