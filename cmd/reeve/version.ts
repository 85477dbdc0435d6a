/** `reeve version`: what this binary is. */
import * as v from "valibot";
import { defineCommand } from "../../src/define/command.ts";

export const version = defineCommand({
  name: "version",
  summary: "Show the version of this binary and what it was built with.",
  input: v.strictObject({}),
  run: (ctx) => ({
    name: "reeve",
    version: ctx.version,
    runtime: `bun ${Bun.version}`,
    platform: process.platform,
    architecture: process.arch,
  }),
  render: (result) => `reeve ${result.version} (${result.runtime}, ${result.platform} ${result.architecture})`,
});
