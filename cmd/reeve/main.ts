/** The only entry. `--version` answers before anything else is loaded, so it costs no more than the runtime itself. */
import { version } from "../../package.json";

const argv = process.argv.slice(2);
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-version")) {
  await Bun.write(Bun.stdout, `reeve ${version}\n`);
} else if (argv[0] === "__relay") {
  const { relay } = await import("../../src/egress/relay.ts");
  process.exit(await relay(argv.slice(1)));
} else {
  const { commandsFor } = await import("./index.ts");
  const { runCommandLine } = await import("./shell/run.ts");
  process.exit(await runCommandLine(argv, await commandsFor(argv), version));
}
