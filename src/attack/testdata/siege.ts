/** Started by a test as another user: every attack, the walls named as arguments left out, as JSON. */
import { tools } from "../../tools/index.ts";
import { areas } from "../index.ts";
import { besiege } from "../run.ts";
import { wallNames } from "../wall.ts";

const signal = new AbortController().signal;
const without = new Set(wallNames.filter((wall) => process.argv.includes(wall)));
const { rows } = await besiege({ areas, tools, version: "test", without, keep: false, signal, onRow: () => undefined });
process.stdout.write(JSON.stringify({ uid: process.getuid?.(), rows }));
