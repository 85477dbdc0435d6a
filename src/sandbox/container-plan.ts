/** The launch of a program in a container as steps: its first process, which nothing inside can end, and the one that reaps. */
import type { Segment, Step } from "./launch/steps.ts";
import { innerSteps, type Seen, type Start } from "./plan.ts";
import type { Architecture } from "./syscalls.ts";

/** Where the launcher and its pipes are inside. */
export interface Pipes {
  /** Written to: the report. */
  readonly status: string;
  /** Never read from: whoever started the container holds its other end as long as it lives. */
  readonly alive: string;
}

/** Descriptor of the report; beyond those the launcher opens on its way. */
export const reportDescriptor = 10;

/** What the first process says on both outputs before anything else; no engine's message holds it. */
export const readyMark = 0;

const AT_FDCWD = -100;
const O_WRONLY_CLOEXEC = 0o1 | 0o2000000;
const O_RDONLY_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const O_CLOEXEC = 0o2000000;
const PR_SET_DUMPABLE = 4;
const PR_SET_CHILD_SUBREAPER = 36;

/**
 * Opens the pipes, says that it is there, and waits for one byte: from then on the pipes are closed to everyone else. Ends,
 * and with it the name space, when what it started has ended or nobody holds the other end of `alive` any more.
 */
export function firstSteps(
  data: Segment,
  architecture: Architecture,
  start: Start,
  seen: readonly Seen[],
  relay: { readonly binary: readonly string[]; readonly socket: string } | undefined,
  pipes: Pipes,
): readonly Step[] {
  const status = data.space(4);
  const got = data.space(8);
  const ends = data.space(8);
  const writeEnd = { address: ends.address + 4 };
  // Two of struct pollfd, {fd, events, revents}: no event is asked for, a hang-up is always told.
  const watched = data.space(16);
  const second = { address: watched.address + 8 };
  const mark = data.words([readyMark]);
  return [
    { call: "openat", arguments: [AT_FDCWD, data.text(pipes.status), O_WRONLY_CLOEXEC, 0], keep: status },
    { call: "dup3", arguments: [{ value_of: status }, reportDescriptor, O_CLOEXEC] },
    { call: "close", arguments: [{ value_of: status }] },
    { call: "openat", arguments: [AT_FDCWD, data.text(pipes.alive), O_RDONLY_NONBLOCK_CLOEXEC, 0], keep: watched },
    { call: "write", arguments: [1, mark, 1] },
    { call: "write", arguments: [2, mark, 1] },
    { call: "read", arguments: [0, data.space(8), 1], keep: got },
    { check: got, equals: data.words([1]) },
    { call: "prctl", arguments: [PR_SET_DUMPABLE, 0, 0, 0, 0] },
    { call: "pipe2", arguments: [ends, O_CLOEXEC] },
    {
      fork: [
        { call: "prctl", arguments: [PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0] },
        ...innerSteps(data, architecture, start, seen, relay),
      ],
      keep: data.space(4),
    },
    { call: "close", arguments: [{ value_of: writeEnd }] },
    { call: "dup", arguments: [{ value_of: ends }], keep: second },
    { call: "ppoll", arguments: [watched, 2, 0, 0, 8] },
    { call: "exit_group", arguments: [0] },
  ];
}
