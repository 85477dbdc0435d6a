/** How programs are confined on this machine, by the name of what does it. */

export type Tier = "bwrap" | "container" | "landlock" | "none";

export interface TierFacts {
  readonly tier: Tier;
  /** Version of Landlock's interface, as second layer or alone; 0 for none. */
  readonly landlock: number;
  /** What the tiers before this one lack, a sentence each. */
  readonly why: readonly string[];
  /** What a program is not kept from, or cannot do, in this tier. */
  readonly lost: readonly string[];
  readonly hint: string | null;
}

/** What is given up with each tier. */
export const losses: Readonly<Record<Tier, readonly string[]>> = {
  bwrap: [],
  container: ["each program starts a container, which takes a second and not milliseconds"],
  landlock: [
    "no network for programs, not even through the proxy, and no sockets",
    "paths of the workspace cannot be hidden one by one",
    "/proc is not readable, so some runtimes do not start",
    "the user's processes are not counted apart",
  ],
  none: ["every capability that runs a program stays unavailable"],
};
