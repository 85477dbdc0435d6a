/** Programs of agents can be confined on this machine: shown by confining one. */
import { probeSandbox } from "../sandbox/probe.ts";
import { ok, type Probe } from "./probe.ts";

export const sandbox: Probe = {
  name: "sandbox",
  needs_home: false,
  async examine() {
    const result = await probeSandbox();
    if (!result.available) return [{ status: "warn", message: `${result.why}: ${result.lost}`, hint: result.hint }];
    const { uid, network_interfaces } = result.facts;
    const network = network_interfaces.length ? `only ${network_interfaces.join(", ")}` : "no network";
    return [ok(`bubblewrap confines: uid ${uid} inside, ${network}, no capabilities, in ${result.duration_ms} ms`)];
  },
};
