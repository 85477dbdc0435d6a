/** code.run where what would read the code is not installed. */
import { expect, test } from "bun:test";
import { Fault } from "../../core/fault.ts";
import { callTool } from "../testdata/call.ts";
import { run } from "./run.ts";

const input = { language: "node", code: "1" };
const failing = (fault: Fault) => callTool(run, { sandbox: { run: () => Promise.reject(fault) } }, input);

test("names the language that is missing, and no other failure so", async () => {
  const missing = new Fault("not_found", "there is no such program", { data: { missing: "program" } });
  await expect(failing(missing)).rejects.toMatchObject({
    code: "not_found",
    message: "there is no node on this machine",
  });
  const other = new Fault("not_found", 'there is no "a" in the workspace');
  await expect(failing(other)).rejects.toBe(other);
});
