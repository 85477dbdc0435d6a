/** Programs of agents can be confined on this machine: shown by confining one. */
import { existsSync } from "node:fs";
import { loadConfig } from "../config/load.ts";
import { defaultConfig } from "../config/template.ts";
import { delegatedGroup } from "../sandbox/control-group.ts";
import { Sandbox } from "../sandbox/sandbox.ts";
import { ok, type Probe } from "./probe.ts";

export const sandbox: Probe = {
  name: "sandbox",
  needs_home: false,
  async examine({ home }) {
    const settings = (existsSync(home.config) ? loadConfig(home.config) : defaultConfig()).sandbox;
    const { image, engine_socket } = settings;
    const options = { binary: process.execPath, tier: settings.tier, image, engine_socket };
    const { tier, landlock, why, lost, hint } = await new Sandbox(options).tier();
    const advice = hint === null ? {} : { hint };
    if (tier === "none") return [{ status: "warn", message: `${why.join("; ")}: ${lost.join("; ")}`, ...advice }];
    if (tier !== "bwrap") {
      const by = tier === "container" ? `containers of ${image}` : `${tier} alone`;
      const message = `programs are confined by ${by}, since ${why.join("; ")}. Lost: ${lost.join("; ")}`;
      return [{ status: "warn", message, ...advice }];
    }
    const second =
      landlock > 0 ? `Landlock ${landlock} as second layer` : "no second layer, this kernel has no Landlock";
    const limits = delegatedGroup() === undefined ? "limits by a watchdog" : "limits by a control group";
    return [ok(`programs are confined by bubblewrap and a system call filter, ${second}, ${limits}`)];
  },
};
