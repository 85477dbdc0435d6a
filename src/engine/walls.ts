/** The sandbox of this process, loaded and tried when a program is first in question, and why there may be none. */
import type { Config } from "../config/settings.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { TierFacts } from "../sandbox/tier.ts";

/** Nothing of the sandbox is loaded by runs that start no program. */
export function lazySandbox(config: Config): () => Promise<Sandbox> {
  let opened: Promise<Sandbox> | undefined;
  return () => {
    const { tier, image, engine_socket } = config.sandbox;
    opened ??= import("../sandbox/sandbox.ts").then(
      (module) => new module.Sandbox({ binary: process.execPath, tier, image, engine_socket }),
    );
    return opened;
  };
}

/** Why no program can be confined, or undefined. */
export function wallsMissing({ tier, why }: Pick<TierFacts, "tier" | "why">): string | undefined {
  return tier === "none" ? `no program can be confined here: ${why.join("; ")}` : undefined;
}
