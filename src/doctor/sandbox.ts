/** Programs of agents can be confined on this machine: shown by confining one. */
import { delegatedGroup } from "../sandbox/control-group.ts";
import { Sandbox } from "../sandbox/sandbox.ts";
import { ok, type Probe } from "./probe.ts";

export const sandbox: Probe = {
  name: "sandbox",
  needs_home: false,
  async examine() {
    const { tier, landlock, why, lost, hint } = await new Sandbox({ binary: process.execPath, tier: "auto" }).tier();
    const advice = hint === null ? {} : { hint };
    if (tier === "none") return [{ status: "warn", message: `${why.join("; ")}: ${lost.join("; ")}`, ...advice }];
    if (tier !== "bwrap") {
      const message = `programs are confined by ${tier} alone, since ${why.join("; ")}. Lost: ${lost.join("; ")}`;
      return [{ status: "warn", message, ...advice }];
    }
    const second =
      landlock > 0 ? `Landlock ${landlock} as second layer` : "no second layer, this kernel has no Landlock";
    const limits = delegatedGroup() === undefined ? "limits by a watchdog" : "limits by a control group";
    return [ok(`programs are confined by bubblewrap and a system call filter, ${second}, ${limits}`)];
  },
};
