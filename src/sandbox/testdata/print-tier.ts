/** Prints which tier a process finds where it is started. */
import { Sandbox } from "../sandbox.ts";

console.log(JSON.stringify(await new Sandbox({ binary: process.execPath, tier: "auto" }).tier()));
