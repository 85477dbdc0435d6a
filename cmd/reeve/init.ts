/** `reeve init`: a new home with nothing in it but its keys, its ledger and one agent's explicit grants. */
import { resolve } from "node:path";
import * as v from "valibot";
import { defineCommand, option, toggle } from "../../src/define/command.ts";
import { initHome } from "../../src/engine/init.ts";
import { readSecretFile } from "./shell/engine.ts";
import { homeText, profileNames } from "./shell/home.ts";
import { agentNamed } from "./shell/principal.ts";

export const init = defineCommand({
  name: "init",
  summary: "Make a new home here or at --home.",
  input: v.strictObject({
    workspace: option(v.string(), "DIR", "where agents' files live; workspace inside the home when absent"),
    agent: v.optional(v.pipe(v.string(), v.title("NAME"), v.description("the first agent")), "default"),
    profile: v.optional(
      v.pipe(v.picklist(profileNames), v.title("NAME"), v.description("what that agent may do")),
      "observer",
    ),
    witness: option(v.string(), "FILE", "where the ledger's last checkpoint is also kept, outside the home"),
    force: toggle("put an existing home aside and make a new one"),
  }),
  details: `
    The vault's key is a file in the home, readable by its owner only; with --passphrase-file it is wrapped by that
    passphrase instead.

    --force never erases: the earlier home is renamed and its new name is printed. The workspace and the run bundles
    stay where they are.`,
  examples: ["reeve init", "reeve init --home /srv/reeve --workspace /srv/files --profile editor"],
  async run(ctx, { workspace, witness, agent, profile, force }) {
    const { passphrase_file } = ctx;
    return initHome({
      home: ctx.newHome,
      agent: agentNamed(agent),
      profile,
      force,
      ...(workspace === undefined ? {} : { workspace: resolve(ctx.cwd, workspace) }),
      ...(witness === undefined ? {} : { witness: resolve(ctx.cwd, witness) }),
      ...(passphrase_file === undefined ? {} : { passphrase: readSecretFile(passphrase_file, ctx.cwd, 4096) }),
    });
  },
  render: homeText,
});
