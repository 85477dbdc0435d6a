/** The configuration can be read as a whole, and what it says has an effect. */
import { loadConfig } from "../config/load.ts";
import { type Observation, ok, type Probe } from "./probe.ts";

export const config: Probe = {
  name: "config",
  needs_home: true,
  examine({ home }) {
    const { warnings } = loadConfig(home.config);
    if (warnings.length === 0) return [ok(`${home.config} can be read`)];
    return warnings.map((message): Observation => ({ status: "warn", message, hint: `edit ${home.config}` }));
  },
};
