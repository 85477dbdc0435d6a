/** The launches of an execution as steps: outside, before bubblewrap; inside, as the first process of the namespace. */
import type { BigIntStats } from "node:fs";
import { landlockSteps, type PathRule } from "./landlock.ts";
import type { Segment, Slot, Step } from "./launch/steps.ts";
import { type Limits, limitSteps } from "./limits.ts";
import { type FilterKind, seccompFilter } from "./seccomp.ts";
import type { Architecture } from "./syscalls.ts";
import { searchPath } from "./system.ts";
import { relayPort } from "./walls.ts";

/** Descriptors of the launched process, the same everywhere. */
export const descriptor = { status: 3, inner: 4, outer: 5, first_free: 6, relay_ready: 1 } as const;

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const PR_SET_DUMPABLE = 4;
const PR_SET_SECCOMP = 22;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_MODE_FILTER = 2;
const CLOSE_RANGE_CLOEXEC = 4;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;

const CLONE_NEWNS = 0x20000;
const MS_NOSUID_NODEV = 2 | 4;
/** OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC, AT_EMPTY_PATH, AT_RECURSIVE. */
const OPEN_TREE_CLONE = 1 | 0o2000000 | 0x1000 | 0x8000;
/** MOVE_MOUNT_F_EMPTY_PATH. */
const FROM_EMPTY_PATH = 4;
const MS_REC_PRIVATE = 16384 | (1 << 18);
const O_CREAT_CLOEXEC = 0o100 | 0o2000000;

/** An empty directory of every system that nothing shown to programs lies in. */
const staging = "/mnt";

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** A descriptor of the launched process to be mounted where the user it becomes can reach it. */
export interface Staged {
  readonly fd: number;
  readonly directory: boolean;
}

/** Where a staged descriptor is found. */
export function stagedPath(index: number): string {
  return `${staging}/${index}`;
}

/** Mounts the staged descriptors in a name space of its own, becomes `user` if one is given, enters a control group if one is given, and executes `argv` for good. */
export function outerSteps(
  data: Segment,
  start: {
    readonly argv: readonly string[];
    readonly user: User | undefined;
    readonly control_group: string | undefined;
    readonly env: Readonly<Record<string, string>>;
    readonly staged: readonly Staged[];
  },
): readonly Step[] {
  const { argv, user, control_group, env, staged } = start;
  return [
    ...(control_group === undefined ? [] : enterSteps(data, control_group)),
    ...(staged.length === 0 ? [] : stageSteps(data, staged)),
    ...(user ? becomeSteps(user) : []),
    { call: "prctl", arguments: [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0] },
    ...executeSteps(data, argv, env),
  ];
}

/** What a confined program is started with. */
export interface Start {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly limits: Limits;
  readonly landlock: { readonly version: number; readonly rules: readonly PathRule[] };
  readonly filter: FilterKind;
  /** Whether its user may have other processes, which the kernel would count against it; true without a namespace of users. */
  readonly shared_user: boolean;
  /** Where there is no outer launcher that enters it. */
  readonly control_group?: string | undefined;
}

/**
 * Second layer, user if one is given, limits, filter, program. Paths are opened before the user is given up, and nothing
 * comes after the filter that it would refuse.
 */
export function confineSteps(
  data: Segment,
  architecture: Architecture,
  start: Start,
  user: User | undefined,
): readonly Step[] {
  return [
    ...(start.control_group === undefined ? [] : enterSteps(data, start.control_group)),
    // Where there is no namespace that dies as a whole, a process group that nobody can leave has to do.
    ...(start.filter === "shared" ? [{ call: "setsid" as const, arguments: [] }] : []),
    { call: "prctl", arguments: [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0] },
    ...landlockSteps(data, start.landlock.version, start.landlock.rules),
    ...(user ? becomeSteps(user) : []),
    { call: "prctl", arguments: [PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0] },
    ...limitSteps(data, start.limits, start.shared_user ? "shared" : "namespaced"),
    { call: "umask", arguments: [0o22] },
    { call: "close_range", arguments: [3, 0xffffffff, CLOSE_RANGE_CLOEXEC] },
    ...filterSteps(data, architecture, start.filter),
    ...executeSteps(data, start.argv, start.env),
  ];
}

/** A mount that must be the very thing that was looked at. */
export interface Seen {
  readonly inside: string;
  readonly stats: BigIntStats;
}

/** The first process inside: checks what was mounted, starts the relay if there is one, then the program, and reaps. */
export function innerSteps(
  data: Segment,
  architecture: Architecture,
  start: Start,
  seen: readonly Seen[],
  relay: { readonly binary: readonly string[]; readonly socket: string } | undefined,
): readonly Step[] {
  const child = data.space(4);
  return [
    { call: "prctl", arguments: [PR_SET_DUMPABLE, 0, 0, 0, 0] },
    ...seen.flatMap((each) => checkSteps(data, each)),
    ...(relay ? relaySteps(data, architecture, relay.binary, relay.socket) : []),
    { fork: confineSteps(data, architecture, start, undefined), keep: child },
    { reap: child },
  ];
}

function enterSteps(data: Segment, control_group: string): readonly Step[] {
  const opened = data.space(4);
  const O_WRONLY_CLOEXEC = 1 | 0o2000000;
  return [
    {
      call: "openat",
      arguments: [AT_FDCWD, data.text(`${control_group}/cgroup.procs`), O_WRONLY_CLOEXEC, 0],
      keep: opened,
    },
    { call: "write", arguments: [{ value_of: opened }, data.text("0"), 1] },
    { call: "close", arguments: [{ value_of: opened }] },
  ];
}

/**
 * A user without rights cannot reach what lies beneath another's directory, and a path could lead elsewhere by now: each
 * descriptor's mount is copied (open_tree(2)) before the name space is left, since afterwards it belongs to another.
 */
function stageSteps(data: Segment, staged: readonly Staged[]): readonly Step[] {
  const none = data.text("none");
  const empty = data.text("");
  const trees = staged.map(() => data.space(4));
  return [
    ...staged.map(({ fd }, i): Step => ({
      call: "open_tree",
      arguments: [fd, empty, OPEN_TREE_CLONE],
      ...keepIn(trees[i]),
    })),
    { call: "unshare", arguments: [CLONE_NEWNS] },
    { call: "mount", arguments: [none, data.text("/"), 0, MS_REC_PRIVATE, 0] },
    {
      call: "mount",
      arguments: [none, data.text(staging), data.text("tmpfs"), MS_NOSUID_NODEV, data.text("mode=755,size=64k")],
    },
    ...staged.flatMap(({ directory }, i): readonly Step[] => {
      const place = data.text(stagedPath(i));
      return [
        directory
          ? { call: "mkdirat", arguments: [AT_FDCWD, place, 0o755] }
          : { call: "openat", arguments: [AT_FDCWD, place, O_CREAT_CLOEXEC, 0o644] },
        { call: "move_mount", arguments: [{ value_of: trees[i] ?? none }, empty, AT_FDCWD, place, FROM_EMPTY_PATH] },
      ];
    }),
  ];
}

function keepIn(keep: Slot | undefined): { readonly keep?: Slot } {
  return keep ? { keep } : {};
}

/** In this order: who is no longer root may not change groups. */
function becomeSteps({ uid, gid }: User): readonly Step[] {
  return [
    { call: "setgroups", arguments: [0, 0] },
    { call: "setresgid", arguments: [gid, gid, gid] },
    { call: "setresuid", arguments: [uid, uid, uid] },
  ];
}

function filterSteps(data: Segment, architecture: Architecture, kind: FilterKind): readonly Step[] {
  const filter = seccompFilter(architecture, kind);
  // struct sock_fprog: the number of instructions, and behind padding their address.
  const program = data.words([filter.length / 8, data.put(filter).address]);
  return [{ call: "prctl", arguments: [PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0] }];
}

/** Tries a bare name in each directory programs live in, as execvp(3) does; nobody's PATH is asked. */
function executeSteps(data: Segment, argv: readonly string[], env: Readonly<Record<string, string>>): readonly Step[] {
  const [program = ""] = argv;
  const words = data.pointers(argv.map((word) => data.text(word)));
  const variables = data.pointers(Object.entries(env).map(([name, value]) => data.text(`${name}=${value}`)));
  const candidates = program.includes("/") ? [program] : searchPath.map((directory) => `${directory}/${program}`);
  return candidates.map((path, i) => ({
    call: "execve",
    arguments: [data.text(path), words, variables],
    ...(i < candidates.length - 1 ? { tolerate: true as const } : {}),
  }));
}

/** statx(2): device and inode of what is mounted are those of what was meant. */
function checkSteps(data: Segment, { inside, stats }: Seen): readonly Step[] {
  const STATX_INO = 0x100;
  const found = data.space(256);
  const half = (offset: number): Slot => ({ address: found.address + offset });
  const word = (value: bigint): Slot => data.words([value & 0xffffffffn]);
  const { ino, dev } = stats;
  return [
    { call: "statx", arguments: [AT_FDCWD, data.text(inside), AT_SYMLINK_NOFOLLOW, STATX_INO, found] },
    { check: half(32), equals: word(ino) },
    { check: half(36), equals: word(ino >> 32n) },
    // gnu_dev_major and gnu_dev_minor of glibc.
    { check: half(136), equals: word(((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn)) },
    { check: half(140), equals: word((dev & 0xffn) | ((dev >> 12n) & ~0xffn)) },
  ];
}

/**
 * The relay says that it listens with one byte; if it ends instead, the program finds nobody there. It goes on until its
 * input ends, which is held open by the first process and nobody else.
 */
function relaySteps(
  data: Segment,
  architecture: Architecture,
  binary: readonly string[],
  socket: string,
): readonly Step[] {
  const [life, ready] = [pipeIn(data), pipeIn(data)];
  const argv = [...binary, "__relay", String(relayPort), socket, String(descriptor.relay_ready)];
  return [
    life.open,
    ready.open,
    {
      fork: [
        { call: "dup3", arguments: [{ value_of: life.read_end }, 0, 0] },
        { call: "dup3", arguments: [{ value_of: ready.write_end }, descriptor.relay_ready, 0] },
        { call: "prctl", arguments: [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0] },
        ...filterSteps(data, architecture, "namespaced"),
        ...executeSteps(data, argv, {}),
      ],
      keep: data.space(4),
    },
    { call: "close", arguments: [{ value_of: life.read_end }] },
    { call: "close", arguments: [{ value_of: ready.write_end }] },
    { call: "read", arguments: [{ value_of: ready.read_end }, data.space(8), 1], tolerate: true },
    { call: "close", arguments: [{ value_of: ready.read_end }] },
  ];
}

/** pipe2(2) leaves two descriptors of 32 bits in a row; both are closed by an execution. */
function pipeIn(data: Segment): { readonly open: Step; readonly read_end: Slot; readonly write_end: Slot } {
  const ends = data.space(8);
  const O_CLOEXEC = 0o2000000;
  return {
    open: { call: "pipe2", arguments: [ends, O_CLOEXEC] },
    read_end: ends,
    write_end: { address: ends.address + 4 },
  };
}
