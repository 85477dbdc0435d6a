/** The configured model provider is one this binary has. */
import { loadConfig } from "../config/load.ts";
import { didYouMean } from "../core/nearest.ts";
import { ok, type Probe } from "./probe.ts";

export const provider: Probe = {
  name: "provider",
  needs_home: true,
  examine({ home, providers }) {
    const { model } = loadConfig(home.config);
    const found = providers.find((each) => each.name === model.provider);
    if (found)
      return [ok(found.name === "offline" ? "offline: no model, no key and no network needed" : found.summary)];
    const names = providers.map((each) => each.name);
    return [
      {
        status: "fail",
        message: `this version has no provider ${JSON.stringify(model.provider)}`,
        hint: didYouMean(model.provider, names, `set model.provider to one of ${names.join(", ")}`),
      },
    ];
  },
};
