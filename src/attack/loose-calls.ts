/** The steps of a launch as they would be without some walls: another filter, no limits, open files kept, a process that can be read. */
import type { Segment, Step } from "../sandbox/launch/steps.ts";
import { type FilterKind, type Refusal, refusals, seccompFilter } from "../sandbox/seccomp.ts";
import type { Architecture, SyscallName } from "../sandbox/syscalls.ts";
import type { Wall } from "./wall.ts";

const PR_SET_DUMPABLE = 4;
const PR_SET_SECCOMP = 22;
const CLONE_NEWUSER = 0x10000000;

/** Refused to whoever has no capability anyway: the filter stands behind the capabilities that were given up. */
const privileged: ReadonlySet<SyscallName> = new Set([
  "chroot",
  "fsconfig",
  "fsmount",
  "fsopen",
  "fspick",
  "mount",
  "mount_setattr",
  "move_mount",
  "open_tree",
  "pivot_root",
  "setdomainname",
  "sethostname",
  "setns",
  "umount2",
]);

/** Families of sockets by the wall that keeps programs from them. */
const families = { network: [1, 2, 10], calls: [16, 38, 40] } as const;

/** The steps, those of the program itself too, without what belongs to a wall left out. */
export function looseSteps(
  data: Segment,
  architecture: Architecture,
  kind: FilterKind,
  without: ReadonlySet<Wall>,
  steps: readonly Step[],
): readonly Step[] {
  return steps.flatMap((step): readonly Step[] => {
    if ("fork" in step) return [{ ...step, fork: looseSteps(data, architecture, kind, without, step.fork) }];
    if (!("call" in step)) return [step];
    const { call, arguments: given } = step;
    if (call === "prlimit64" && without.has("sandbox-limits")) return [];
    if (call === "close_range" && without.has("sandbox-descriptors")) return [];
    if (call !== "prctl") return [step];
    if (given[0] === PR_SET_DUMPABLE && without.has("sandbox-environment")) return [];
    if (given[0] !== PR_SET_SECCOMP) return [step];
    const filter = seccompFilter(architecture, kind, refusalsWithout(kind, without));
    const program = data.words([filter.length / 8, data.put(filter).address]);
    return [{ ...step, arguments: [PR_SET_SECCOMP, 2, program, 0, 0] }];
  });
}

function refusalsWithout(kind: FilterKind, without: ReadonlySet<Wall>): readonly Refusal[] {
  return refusals(kind).flatMap((refusal): readonly Refusal[] => {
    const { call, when } = refusal;
    if (call === "setsid" || call === "setpgid") return without.has("sandbox-processes") ? [] : [refusal];
    if (call === "socket" && when && "none_of" in when) {
      const more = [
        ...(without.has("sandbox-network") ? families.network : []),
        ...(without.has("sandbox-calls") ? families.calls : []),
      ];
      return [{ ...refusal, when: { ...when, none_of: [...new Set([...when.none_of, ...more])] } }];
    }
    if ((call === "unshare" || call === "clone") && when && "any_bit" in when) {
      const user = without.has("sandbox-calls") ? 0 : CLONE_NEWUSER;
      const others = without.has("sandbox-rights") ? 0 : when.any_bit & ~CLONE_NEWUSER;
      return user + others === 0 ? [] : [{ ...refusal, when: { ...when, any_bit: user + others } }];
    }
    const wall: Wall = privileged.has(call) ? "sandbox-rights" : "sandbox-calls";
    return without.has(wall) ? [] : [refusal];
  });
}
