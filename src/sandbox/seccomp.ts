/**
 * The system call filter: what is refused as a table, and the table as classic BPF over `struct seccomp_data` (seccomp(2)),
 * written here and not by a library. What nothing names is allowed up to the newest call the table was written for; what
 * came later does not exist.
 */
import { type Architecture, findSyscall, newestSyscall, type SyscallName } from "./syscalls.ts";

const errno = { EPERM: 1, EACCES: 13, ENOSYS: 38, EAFNOSUPPORT: 97 } as const;

/** linux/audit.h: machine, 64 bits, little endian. */
const auditArchitecture = { "x86-64": 0xc000003e, aarch64: 0xc00000b7 } as const;

/** Never allowed: the kernel's own settings, other processes' memory, mounts, namespaces, modules, keys, raw handles. */
const refused: readonly SyscallName[] = [
  "acct",
  "add_key",
  "adjtimex",
  "bpf",
  "chroot",
  "clock_adjtime",
  "clock_settime",
  "create_module",
  "delete_module",
  "fanotify_init",
  "finit_module",
  "init_module",
  "io_uring_enter",
  "io_uring_register",
  "io_uring_setup",
  "ioperm",
  "iopl",
  "kcmp",
  "kexec_file_load",
  "kexec_load",
  "keyctl",
  "lookup_dcookie",
  "migrate_pages",
  "mount",
  "move_pages",
  "name_to_handle_at",
  "nfsservctl",
  "open_by_handle_at",
  "perf_event_open",
  "pidfd_getfd",
  "pivot_root",
  "process_madvise",
  "process_vm_readv",
  "process_vm_writev",
  "ptrace",
  "quotactl",
  "quotactl_fd",
  "reboot",
  "request_key",
  "setdomainname",
  "sethostname",
  "setns",
  "settimeofday",
  "swapoff",
  "swapon",
  "syslog",
  "umount2",
  "uselib",
  "userfaultfd",
  "vhangup",
];

/** Said not to exist, so that libraries take the older call, whose arguments a filter can read. */
const unknown: readonly SyscallName[] = [
  "clone3",
  "fsconfig",
  "fsmount",
  "fsopen",
  "fspick",
  "mount_setattr",
  "move_mount",
  "open_tree",
  "openat2",
];

/** CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET; CLONE_NEWTIME shares a bit with the exit signal and counts for unshare. */
const newNamespace = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;
const newTimeNamespace = 0x80;
const setId = 0o6000;

/** Calls that depend on one argument: refused when any of these bits is set in it. */
const bits: readonly (readonly [SyscallName, argument: number, mask: number])[] = [
  ["clone", 0, newNamespace],
  ["unshare", 0, newNamespace | newTimeNamespace],
  // No file of another user's power can be left behind.
  ["chmod", 1, setId],
  ["fchmod", 1, setId],
  ["fchmodat", 2, setId],
  ["fchmodat2", 2, setId],
  ["creat", 1, setId],
  ["open", 2, setId],
  ["openat", 3, setId],
  ["mknod", 1, setId],
  ["mknodat", 2, setId],
];

/** TIOCSTI and TIOCLINUX type into a terminal; TIOCSETD changes how it reads. */
const terminalTricks = [0x5412, 0x541c, 0x5423];

/** personality(2): asking, Linux, and the two that only report an older kernel. */
const personalities = [0xffffffff, 0x0, 0x8, 0x20000, 0x20008];

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

/** `namespaced`: own network and processes, so sockets are harmless. `shared`: no sockets, and nobody leaves the process group. */
export type FilterKind = "namespaced" | "shared";

/** On what a refusal depends: the lower half of one argument, whose upper half the kernel does not look at either. */
export type Condition =
  | { readonly argument: number; readonly any_bit: number }
  | { readonly argument: number; readonly one_of: readonly number[] }
  | { readonly argument: number; readonly none_of: readonly number[] };

/** A call that fails with this error, always or when the condition holds; no call has two. */
export interface Refusal {
  readonly call: SyscallName;
  readonly errno: number;
  readonly when: Condition | null;
}

interface Instruction {
  readonly code: number;
  readonly yes: number;
  readonly no: number;
  readonly k: number;
}

// linux/bpf_common.h and linux/seccomp.h
const load = (offset: number): Instruction => ({ code: 0x20, yes: 0, no: 0, k: offset });
const equal = (k: number, yes: number, no: number): Instruction => ({ code: 0x15, yes, no, k });
const above = (k: number, yes: number, no: number): Instruction => ({ code: 0x25, yes, no, k });
const anyBit = (k: number, yes: number, no: number): Instruction => ({ code: 0x45, yes, no, k });
const answer = (k: number): Instruction => ({ code: 0x06, yes: 0, no: 0, k });
const allow = answer(0x7fff0000);
const kill = answer(0x80000000);
const fail = (number: number): Instruction => answer(0x00050000 | number);

/** Where the lower half of an argument stands; both architectures are little endian. */
const argument = (index: number): Instruction => load(16 + index * 8);

/** The filter as `struct sock_filter[]`, 8 bytes each, in the byte order of both architectures. */
export function seccompFilter(
  architecture: Architecture,
  kind: FilterKind,
  table: readonly Refusal[] = refusals(kind),
): Buffer {
  const program = [
    load(4),
    equal(auditArchitecture[architecture], 1, 0),
    kill,
    load(0),
    ...(architecture === "x86-64" ? [above(0x3fffffff, 0, 1), kill] : []), // the x32 calls
    above(newestSyscall, 0, 1),
    fail(errno.ENOSYS),
    ...table.flatMap(({ call, errno: number, when }) => {
      const found = findSyscall(architecture, call);
      const body = bodyOf(fail(number), when);
      return found === undefined ? [] : [equal(found, 0, body.length), ...body];
    }),
    allow,
  ];
  const bytes = Buffer.alloc(program.length * 8);
  for (const [i, { code, yes, no, k }] of program.entries()) {
    bytes.writeUInt16LE(code, i * 8);
    bytes.writeUInt8(yes, i * 8 + 2);
    bytes.writeUInt8(no, i * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, i * 8 + 4);
  }
  return bytes;
}

/** What is done about each call that is not simply allowed. */
export function refusals(kind: FilterKind): readonly Refusal[] {
  const families = kind === "namespaced" ? [AF_UNIX, AF_INET, AF_INET6] : [];
  const leaving: readonly SyscallName[] = kind === "shared" ? ["setsid", "setpgid"] : [];
  const noFamily = kind === "shared" ? errno.EACCES : errno.EAFNOSUPPORT;
  return [
    ...[...refused, ...leaving].map((call): Refusal => ({ call, errno: errno.EPERM, when: null })),
    ...unknown.map((call): Refusal => ({ call, errno: errno.ENOSYS, when: null })),
    ...bits.map(([call, argument, any_bit]): Refusal => ({ call, errno: errno.EPERM, when: { argument, any_bit } })),
    { call: "ioctl", errno: errno.EPERM, when: { argument: 1, one_of: terminalTricks } },
    { call: "personality", errno: errno.EPERM, when: { argument: 0, none_of: personalities } },
    { call: "socket", errno: noFamily, when: { argument: 0, none_of: families } },
    { call: "socketpair", errno: errno.EAFNOSUPPORT, when: { argument: 0, none_of: [AF_UNIX] } },
  ];
}

/** Every body answers. */
function bodyOf(refusal: Instruction, when: Condition | null): readonly Instruction[] {
  if (when === null) return [refusal];
  const value = argument(when.argument);
  if ("any_bit" in when) return [value, anyBit(when.any_bit, 0, 1), refusal, allow];
  if ("one_of" in when) return [value, ...oneOf(when.one_of, refusal, allow)];
  return [value, ...oneOf(when.none_of, allow, refusal)];
}

function oneOf(values: readonly number[], then: Instruction, otherwise: Instruction): readonly Instruction[] {
  return [...values.flatMap((value) => [equal(value, 0, 1), then]), otherwise];
}
