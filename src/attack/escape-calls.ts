/** Programs of nothing but system calls, each of which a program has no need of. */
import type { Segment, Slot, Step } from "../sandbox/launch/steps.ts";
import { type Attack, unless } from "./attack.ts";
import { carriedOut, carryOut, type Cell, type Escape } from "./cell.ts";

const AT_FDCWD = -100;
const O_RDWR = 2;
const O_CREAT = 0o100;
const SIGCHLD = 17;
const CLONE_NEWUSER = 0x10000000;

type Row = readonly [id: string, title: string, steps: (data: Segment) => readonly Step[]];

const call = (name: Extract<Step, { readonly call: unknown }>["call"], ...given: Argument[]): Step => ({
  call: name,
  arguments: given,
});
type Argument = Extract<Step, { readonly call: unknown }>["arguments"][number];

/** What the program finds of itself: its number, or a descriptor that stands for it. */
function itself(data: Segment, work: (pid: Argument) => readonly Step[]): readonly Step[] {
  const own = data.space(8);
  return [{ call: "getpid", arguments: [], keep: own }, ...work({ value_of: own })];
}

function bySelf(data: Segment, work: (fd: Argument) => readonly Step[]): readonly Step[] {
  const fd = data.space(8);
  return itself(data, (pid) => [{ call: "pidfd_open", arguments: [pid, 0], keep: fd }, ...work({ value_of: fd })]);
}

/** Sixteen bytes of the program's own memory, as struct iovec. */
const memory = (data: Segment): Slot => data.words([data.space(16).address, 16]);

const calls: readonly Row[] = [
  ["ptrace", "lets itself be traced", () => [call("ptrace", 0, 0, 0, 0)]],
  [
    "memory-read",
    "reads the memory of a process",
    (data) => itself(data, (pid) => [call("process_vm_readv", pid, memory(data), 1, memory(data), 1, 0)]),
  ],
  [
    "memory-write",
    "writes the memory of a process",
    (data) => itself(data, (pid) => [call("process_vm_writev", pid, memory(data), 1, memory(data), 1, 0)]),
  ],
  ["memory-move", "moves the memory of a process", () => [call("move_pages", 0, 0, 0, 0, 0, 0)]],
  [
    "descriptor-take",
    "takes an open file from a process",
    (data) => bySelf(data, (fd) => [call("pidfd_getfd", fd, 1, 0)]),
  ],
  ["compare", "compares what two processes hold", (data) => itself(data, (pid) => [call("kcmp", pid, pid, 0, 1, 1)])],
  ["keyring", "makes a keyring", () => [call("keyctl", 0, -2, 1, 0, 0)]],
  [
    "key",
    "adds a key to the kernel's",
    (data) => [call("add_key", data.text("user"), data.text("reeve"), data.text("value"), 5, -2)],
  ],
  ["io-uring", "opens a ring that takes calls past the filter", (data) => [call("io_uring_setup", 1, data.space(120))]],
  ["userfault", "handles the faults of its own memory", () => [call("userfaultfd", 1)]],
  [
    "perf",
    "counts what the processor does",
    // struct perf_event_attr: software, its size, the clock; at 40 exclude_kernel and exclude_hv.
    (data) => [
      call("perf_event_open", data.words([1n | (128n << 32n), 0, 0, 0, 0, 0x60, ...Array(10).fill(0)]), 0, -1, -1, 0),
    ],
  ],
  ["fanotify", "watches what others open", () => [call("fanotify_init", 0x200, 0)]],
  [
    "handle",
    "makes a handle that opens files without a path",
    (data) => [
      call("name_to_handle_at", AT_FDCWD, data.text("/tmp"), data.words([128, ...Array(16).fill(0)]), data.space(8), 0),
    ],
  ],
  ["personality", "switches the places of its memory from random to known", () => [call("personality", 0x40000)]],
  ["unshare-user", "makes a name space of users", () => [call("unshare", CLONE_NEWUSER)]],
  [
    "clone-user",
    "starts a process in a name space of users",
    () => [call("clone", CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)],
  ],
  [
    "clone3",
    "starts a process by the call whose flags no filter can read",
    (data) => [call("clone3", data.words([0, 0, 0, 0, SIGCHLD, 0, 0, 0]), 64)],
  ],
  [
    "openat2",
    "opens a file by the call whose flags no filter can read",
    (data) => [call("openat2", AT_FDCWD, data.text("/tmp"), data.words([0, 0, 0]), 24)],
  ],
  ["socket-netlink", "opens a socket to the kernel's tables", () => [call("socket", 16, 3, 0)]],
  ["socket-machine", "opens a socket to what the machine runs in", () => [call("socket", 40, 1, 0)]],
  ["terminal", "types into its terminal", typeInto],
];

/** A terminal of its own, of which it is the master too. */
function typeInto(data: Segment): readonly Step[] {
  const [master, slave] = [data.space(8), data.space(8)];
  const [TIOCSPTLCK, TIOCSTI] = [0x40045431, 0x5412];
  return [
    { call: "setsid", arguments: [], tolerate: true },
    { call: "openat", arguments: [AT_FDCWD, data.text("/dev/pts/ptmx"), O_RDWR, 0], keep: master },
    call("ioctl", { value_of: master }, TIOCSPTLCK, data.words([0])),
    { call: "openat", arguments: [AT_FDCWD, data.text("/dev/pts/0"), O_RDWR, 0], keep: slave },
    call("ioctl", { value_of: slave }, TIOCSTI, data.text("x")),
  ];
}

const rights: readonly Row[] = [
  [
    "mount",
    "mounts a file system",
    (data) => [call("mount", data.text("none"), data.text("/tmp"), data.text("tmpfs"), 0, 0)],
  ],
  [
    "mount-bind",
    "mounts a directory at another place",
    (data) => [call("mount", data.text("/work"), data.text("/tmp"), 0, 4096, 0)],
  ],
  ["umount", "takes a mount away", (data) => [call("umount2", data.text("/tmp"), 2)]],
  ["mount-open", "takes a mount by a descriptor", (data) => [call("open_tree", AT_FDCWD, data.text("/tmp"), 1)]],
  ["mount-new", "makes a file system by a descriptor", (data) => [call("fsopen", data.text("tmpfs"), 0)]],
  [
    "mount-pick",
    "takes a file system to change its options",
    (data) => [call("fspick", AT_FDCWD, data.text("/tmp"), 0)],
  ],
  [
    "mount-attributes",
    "changes how a mount is protected",
    (data) => [call("mount_setattr", AT_FDCWD, data.text("/tmp"), 0, data.space(32), 32)],
  ],
  ["chroot", "changes its root", (data) => [call("chroot", data.text("/tmp"))]],
  ["hostname", "renames the host", (data) => [call("sethostname", data.text("x"), 1)]],
  ["domainname", "renames its domain", (data) => [call("setdomainname", data.text("x"), 1)]],
  [
    "setns",
    "enters a name space",
    (data) => {
      const fd = data.space(8);
      return [
        { call: "openat", arguments: [AT_FDCWD, data.text("/proc/self/ns/uts"), 0, 0], keep: fd },
        call("setns", { value_of: fd }, 0),
      ];
    },
  ],
  ...(
    [
      ["mounts", 0x20000],
      ["control groups", 0x2000000],
      ["names", 0x4000000],
      ["messages", 0x8000000],
      ["processes", 0x20000000],
      ["networks", 0x40000000],
      ["clocks", 0x80],
    ] as const
  ).map(([what, flag]): Row => [
    `unshare-${what.replace(" ", "-")}`,
    `makes a name space of ${what}`,
    () => [call("unshare", flag)],
  ]),
  [
    "clone-processes",
    "starts a process in a name space of processes",
    () => [call("clone", 0x20000000 | SIGCHLD, 0, 0, 0, 0)],
  ],
];

function rows(from: readonly Row[], expects: Attack["expects"]): readonly Escape[] {
  return from.map(([id, title, steps]) => ({
    id: `call-${id}`,
    title: `a program ${title}`,
    expects,
    play: async (cell) => unless(carriedOut(await carryOut(cell, steps)), "the calls were made"),
  }));
}

/** A file with the bit that lends its owner's rights to whoever runs it; what is left of it is taken away after the program. */
const setuid: readonly Escape[] = [
  {
    id: "setuid-mode",
    title: "gives a file the bit that lends its owner's rights",
    expects: "sandbox-calls",
    play: async ({ sh, inside }) => {
      const { stdout } = await sh(`: >${inside}/lent; chmod 4755 ${inside}/lent; [ -u ${inside}/lent ] && echo seen`);
      return unless(stdout.includes("seen"), "the file had the bit");
    },
  },
  ...rows(
    [
      [
        "setuid-open",
        "makes a file that lends its owner's rights",
        (data) => [call("openat", AT_FDCWD, data.text("/tmp/lent"), O_CREAT | O_RDWR, 0o4755)],
      ],
      [
        "setuid-node",
        "makes such a file by the call for devices",
        (data) => [call("mknodat", AT_FDCWD, data.text("/tmp/lent"), 0o104755, 0)],
      ],
    ],
    "sandbox-calls",
  ),
];

/** What the kernel says it may. */
function holds(id: string, title: string, line: string): Escape {
  const play = async ({ sh }: Cell) => unless((await sh(line)).stdout.includes("seen"), "it may");
  return { id, title, expects: "sandbox-rights", play };
}

const capability = (field: string) =>
  `while read -r k v; do [ "$k" = ${field}: ] && [ "$v" != 0000000000000000 ] && echo seen; done </proc/self/status`;

const power: readonly Escape[] = [
  holds("capabilities", "has a capability", capability("CapEff")),
  holds("capabilities-bound", "could gain one from a file", capability("CapBnd")),
  holds(
    "kernel-settings",
    "changes a setting of the kernel in /proc/sys",
    "echo 7 >/proc/sys/user/max_ipc_namespaces && echo seen",
  ),
];

export const calledFor: readonly Escape[] = [
  ...rows(calls, "sandbox-calls"),
  ...setuid,
  ...rows(rights, "sandbox-rights"),
  ...power,
];
