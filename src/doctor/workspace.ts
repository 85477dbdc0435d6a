/** The workspace is a directory that can be used: without it nothing starts. */
import { loadConfig } from "../config/load.ts";
import { openHomeWorkspace } from "../engine/place.ts";
import { ok, type Probe } from "./probe.ts";

export const workspace: Probe = {
  name: "workspace",
  needs_home: true,
  examine: ({ home }) => [ok(`${openHomeWorkspace(home, loadConfig(home.config)).root} can be opened`)],
};
