/** Landlock (landlock(7)) as steps of a launch: what the process may do beneath which paths, and to nobody outside. */
import type { Segment, Step } from "./launch/steps.ts";

/** A rule for what lies beneath a path, as the launched process sees it; a path that is not there grants nothing. */
export interface PathRule {
  readonly path: string;
  readonly may: "read" | "write" | "device";
}

const right = {
  EXECUTE: 1n << 0n,
  WRITE_FILE: 1n << 1n,
  READ_FILE: 1n << 2n,
  READ_DIR: 1n << 3n,
  MAKE_CHAR: 1n << 6n,
  MAKE_BLOCK: 1n << 11n,
  REFER: 1n << 13n,
  TRUNCATE: 1n << 14n,
  IOCTL_DEV: 1n << 15n,
} as const;

/** Rights by the version that brought them: 13 at first, then moving between directories, truncating, device control. */
function rightsOf(version: number): bigint {
  const first = (1n << 13n) - 1n;
  return (
    first |
    (version >= 2 ? right.REFER : 0n) |
    (version >= 3 ? right.TRUNCATE : 0n) |
    (version >= 5 ? right.IOCTL_DEV : 0n)
  );
}

const reading = right.EXECUTE | right.READ_FILE | right.READ_DIR;
const fileRights = right.EXECUTE | right.WRITE_FILE | right.READ_FILE | right.TRUNCATE | right.IOCTL_DEV;

/** No device nodes are made anywhere. */
const never = right.MAKE_CHAR | right.MAKE_BLOCK;

function allowed(may: PathRule["may"], handled: bigint): bigint {
  if (may === "read") return reading & handled;
  if (may === "device") return (reading | right.WRITE_FILE | right.TRUNCATE | right.IOCTL_DEV) & handled;
  return handled & ~never & ~right.IOCTL_DEV;
}

/** Since version 6 a process reaches no abstract socket and signals nobody outside its own domain. */
const scopes = 3n;

/** linux/fcntl.h; the same on every architecture for our flags. */
const AT_FDCWD = -100;
const O_PATH_CLOEXEC = 0o10000000 | 0o2000000;

/**
 * The steps that restrict the process and all it starts. `version` is that of the kernel; 0 gives no steps. Rules for a file
 * and for a directory differ, which only the launched process can see: each path is tried as a directory first.
 */
export function landlockSteps(data: Segment, version: number, rules: readonly PathRule[]): readonly Step[] {
  if (version === 0) return [];
  const handled = rightsOf(version);
  const attributes = version >= 6 ? [handled, 0n, scopes] : version >= 4 ? [handled, 0n] : [handled];
  const ruleset = data.space(4);
  const steps: Step[] = [
    {
      call: "landlock_create_ruleset",
      arguments: [data.words(attributes), attributes.length * 8, 0],
      keep: ruleset,
    },
  ];
  for (const { path, may } of rules) {
    const rights = allowed(may, handled);
    const asDirectory = data.words([rights, 0]);
    const asFile = data.words([rights & fileRights, 0]);
    // struct landlock_path_beneath_attr is packed: the descriptor stands right behind the rights.
    for (const rule of [asDirectory, asFile]) {
      const opened = { address: rule.address + 8 };
      steps.push(
        { call: "openat", arguments: [AT_FDCWD, data.text(path), O_PATH_CLOEXEC, 0], keep: opened, tolerate: true },
        { call: "landlock_add_rule", arguments: [{ value_of: ruleset }, 1, rule, 0], tolerate: true },
        { call: "close", arguments: [{ value_of: opened }], tolerate: true },
      );
    }
  }
  steps.push({ call: "landlock_restrict_self", arguments: [{ value_of: ruleset }, 0] });
  return steps;
}
