/** What one execution is allowed, as data: its hash goes into the ledger with the execution. */
import { createHash } from "node:crypto";
import { canonicalize, type Json } from "../core/canonical.ts";
import type { Limits } from "./limits.ts";

export interface Walls {
  /** The directory shown as `/work`, absolute; null for an empty one of its own. */
  readonly workspace: string | null;
  /** Paths beneath it that may be read, relative, `.` for all of it; none of them may be or pass a link. */
  readonly read: readonly string[];
  /** Paths beneath it that may be written too; they exist. */
  readonly write: readonly string[];
  /** Files beneath what may be written that stay as they are: of each there is another name elsewhere. */
  readonly fixed?: readonly string[];
  /** Paths beneath it that are not there for the program; they exist. */
  readonly hidden: readonly string[];
  /** Relative to the workspace. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Given to it read-only as `/run/reeve/files/NAME`. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** Absolute paths of the machine shown read-only at the same place, beside the programs of the system. */
  readonly system: readonly string[];
  /** The way out: a socket of the proxy, and where the program finds it; null for none. */
  readonly proxy: { readonly socket: string; readonly url: string } | null;
  readonly limits: Limits;
}

/** Nothing of the workspace, nothing given, no way out: what else there is to be is put over it. */
export function emptyWalls(limits: Limits): Walls {
  const none = { read: [], write: [], hidden: [], system: [] };
  return { workspace: null, ...none, cwd: ".", env: {}, files: {}, proxy: null, limits };
}

/** Port of the relay inside. */
export const relayPort = 3128;

/**
 * SHA-256, in hex, of what was in effect: the walls with digests in the place of contents and without the address of the
 * proxy, which holds a token, the tier, and how the filter and the second layer read.
 */
export function profileDigest(walls: Walls, layers: Readonly<Record<string, Json>>): string {
  const { proxy, files, env, ...rest } = walls;
  const said = {
    ...rest,
    ...layers,
    env: Object.keys(env).sort(),
    files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)])),
    proxy: proxy !== null,
  };
  return sha256(Buffer.from(canonicalize(said as unknown as Json), "utf8"));
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
