/**
 * Numbers of the system calls Reeve makes or refuses by name: `arch/x86/entry/syscalls/syscall_64.tbl` and
 * `include/uapi/asm-generic/unistd.h` of Linux. Null where an architecture has no such call.
 */
import { Fault } from "../core/fault.ts";

export type Architecture = "x86-64" | "aarch64";
export type SyscallName = keyof typeof numbers;

/** x86-64, aarch64. */
const numbers = {
  acct: [163, 89],
  add_key: [248, 217],
  adjtimex: [159, 171],
  bpf: [321, 280],
  chmod: [90, null],
  chroot: [161, 51],
  clock_adjtime: [305, 266],
  clock_settime: [227, 112],
  clone: [56, 220],
  clone3: [435, 435],
  close: [3, 57],
  close_range: [436, 436],
  creat: [85, null],
  connect: [42, 203],
  create_module: [174, null],
  delete_module: [176, 106],
  dup: [32, 23],
  dup3: [292, 24],
  execve: [59, 221],
  exit_group: [231, 94],
  fanotify_init: [300, 262],
  fchmod: [91, 52],
  fchmodat: [268, 53],
  fchmodat2: [452, 452],
  finit_module: [313, 273],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fsopen: [430, 430],
  fspick: [433, 433],
  getpid: [39, 172],
  init_module: [175, 105],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  io_uring_setup: [425, 425],
  ioctl: [16, 29],
  ioperm: [173, null],
  iopl: [172, null],
  kcmp: [312, 272],
  kexec_file_load: [320, 294],
  kexec_load: [246, 104],
  keyctl: [250, 219],
  landlock_add_rule: [445, 445],
  landlock_create_ruleset: [444, 444],
  landlock_restrict_self: [446, 446],
  lookup_dcookie: [212, 18],
  migrate_pages: [256, 238],
  mkdirat: [258, 34],
  mknod: [133, null],
  mknodat: [259, 33],
  mmap: [9, 222],
  mount: [165, 40],
  mount_setattr: [442, 442],
  move_mount: [429, 429],
  move_pages: [279, 239],
  name_to_handle_at: [303, 264],
  nfsservctl: [180, 42],
  open: [2, null],
  open_by_handle_at: [304, 265],
  open_tree: [428, 428],
  openat: [257, 56],
  openat2: [437, 437],
  perf_event_open: [298, 241],
  personality: [135, 92],
  pidfd_getfd: [438, 438],
  pidfd_open: [434, 434],
  pipe2: [293, 59],
  pivot_root: [155, 41],
  ppoll: [271, 73],
  prctl: [157, 167],
  prlimit64: [302, 261],
  process_madvise: [440, 440],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  ptrace: [101, 117],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  read: [0, 63],
  reboot: [169, 142],
  request_key: [249, 218],
  sendto: [44, 206],
  setdomainname: [171, 162],
  setgroups: [116, 159],
  sethostname: [170, 161],
  setns: [308, 268],
  setpgid: [109, 154],
  setresgid: [119, 149],
  setresuid: [117, 147],
  setsid: [112, 157],
  settimeofday: [164, 170],
  socket: [41, 198],
  socketpair: [53, 199],
  statx: [332, 291],
  swapoff: [168, 225],
  swapon: [167, 224],
  syslog: [103, 116],
  umask: [95, 166],
  umount2: [166, 39],
  unshare: [272, 97],
  uselib: [134, null],
  userfaultfd: [323, 282],
  vhangup: [153, 58],
  wait4: [61, 260],
  write: [1, 64],
} as const satisfies Readonly<Record<string, readonly [number | null, number | null]>>;

/** The newest call this table knows of; calls above it did not exist when the filter was written. */
export const newestSyscall = 462;

/** Undefined on a machine no filter and no launcher can be made for. */
export function architectureOf(machine: string = process.arch): Architecture | undefined {
  return machine === "x64" ? "x86-64" : machine === "arm64" ? "aarch64" : undefined;
}

/** Undefined where the architecture has no such call. */
export function findSyscall(architecture: Architecture, name: SyscallName): number | undefined {
  return numbers[name][architecture === "x86-64" ? 0 : 1] ?? undefined;
}

export function syscallNumber(architecture: Architecture, name: SyscallName): number {
  const number = findSyscall(architecture, name);
  if (number === undefined) throw new Fault("internal", `${architecture} has no system call ${name}`);
  return number;
}
