/** The scripted model as a program: `bun main.ts SCRIPT.json` prints one line of JSON with its address and serves until it is killed. */
import { parseJson } from "../../../core/canonical.ts";
import type { Script } from "./script.ts";
import { startModel } from "./server.ts";

const [path = ""] = process.argv.slice(2);
const model = await startModel(parseJson(await Bun.file(path).text(), path) as unknown as Script);
process.stdout.write(`${JSON.stringify({ url: model.url })}\n`);
process.on("SIGUSR1", () =>
  process.stdout.write(`${JSON.stringify(model.requests.map(({ at_ms, size }) => ({ at_ms, size })))}\n`),
);
