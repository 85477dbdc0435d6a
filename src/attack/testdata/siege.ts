/** Started by a test as another user: every attack with all walls up, as JSON. */
import { tools } from "../../tools/index.ts";
import { areas } from "../index.ts";
import { besiege } from "../run.ts";

const signal = new AbortController().signal;
const without = new Set<never>();
const { rows } = await besiege({ areas, tools, version: "test", without, keep: false, signal, onRow: () => undefined });
process.stdout.write(JSON.stringify({ uid: process.getuid?.(), rows }));
