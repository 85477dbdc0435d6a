/** The workspace is a directory that can be used: without it nothing starts, and programs need one that is not root's. */
import { loadConfig } from "../config/load.ts";
import { openHomeWorkspace, ungivenWorkspace } from "../engine/place.ts";
import { ok, type Probe } from "./probe.ts";

export const workspace: Probe = {
  name: "workspace",
  needs_home: true,
  examine({ home }) {
    const config = loadConfig(home.config);
    const opened = openHomeWorkspace(home, config);
    const user = ungivenWorkspace(home, config);
    if (user === undefined) return [ok(`${opened.root} can be opened`)];
    return [
      {
        status: "warn",
        message: `${opened.root} belongs to root: programs can read what others may read and write nothing`,
        hint: `give it to user ${user}: run reeve doctor --fix`,
        fix: async () => {
          const { given, left } = await opened.give({ user_id: user, group_id: user });
          const rest = left.length > 0 ? `; left as they are: ${left.join(", ")}` : "";
          return `gave ${given} files and directories to user ${user}${rest}`;
        },
      },
    ];
  },
};
