/** The configuration can be read as a whole, and what it says has an effect. */
import { loadConfig } from "../config/load.ts";
import { type Observation, ok, type Probe } from "./probe.ts";

export const config: Probe = {
  name: "config",
  needs_home: true,
  examine({ home }) {
    const { warnings, taint } = loadConfig(home.config);
    const off = Object.entries(taint.agents).flatMap(([name, mode]) => (mode === "off" ? [name] : []));
    const free = taint.mode === "off" ? ["every agent that is not listed", ...off] : off;
    const unheld: Observation = {
      status: "warn",
      message: `the Rule of Two is off for ${free.join(", ")}: what strangers wrote can have private data sent out unasked`,
      hint: "set taint.mode and taint.agents back, unless that agent meets no words of strangers",
    };
    const found = warnings.map((message): Observation => ({ status: "warn", message, hint: `edit ${home.config}` }));
    const all = free.length ? [...found, unheld] : found;
    return all.length ? all : [ok(`${home.config} can be read`)];
  },
};
