/** Sets of grants for the usual kinds of agent. A profile is only a way to write grants; policy never looks at it again. */

const observer = [
  "fs.read:**",
  "time.now",
  "system.read",
  "network.read",
  "runs.read",
  "metrics.read",
  "policy.read",
  "config.read",
  "sessions.read",
  "agents.read",
  "skills.read",
  "tools.read",
] as const;
const editor = [...observer, "fs.write:**", "fs.delete:**", "sessions.close", "agents.run"] as const;

export const profiles = {
  /** Looks at the machine, the workspace and Reeve's records; changes nothing. */
  observer,
  /** An observer that also changes files in the workspace. */
  editor,
  /** An editor that also stops runs and sees which secrets exist, never their values. */
  operator: [...editor, "runs.cancel", "secrets.list"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Profile = keyof typeof profiles;
