/**
 * Runs a program where nothing outside can reach into it: an environment of a few variables, a home of its own, UTC, and a
 * network namespace with nothing in it but loopback. What cannot be had is said, never silently left out.
 */

/** Brings loopback up (SIOCSIFFLAGS of netdevice(7)) and becomes the program; Debian without iproute2 has nothing else for it. */
const enter = `
import fcntl, os, socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))
s.close()
os.execvp(sys.argv[1], sys.argv[1:])
`;

export interface Hermetic {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Why the network is not closed; undefined when it is. */
  readonly open_network: string | undefined;
}

/** How to run `command` closed off; `home` is an existing directory for its own use. */
export function hermetic(command: readonly string[], home: string): Hermetic {
  const open_network = networkProblem();
  const argv = open_network === undefined ? ["unshare", "--net", "--", "python3", "-c", enter, ...command] : command;
  return { argv, env: environmentIn(home), open_network };
}

/** Nothing else of the caller's environment gets in. */
export function environmentIn(home: string): Readonly<Record<string, string>> {
  return {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: home,
    XDG_STATE_HOME: `${home}/.local/state`,
    TZ: "UTC",
    LC_ALL: "C.UTF-8",
    NO_COLOR: "1",
  };
}

let known: { readonly problem: string | undefined } | undefined;

function networkProblem(): string | undefined {
  known ??= { problem: probe() };
  return known.problem;
}

function probe(): string | undefined {
  for (const program of ["unshare", "python3"]) if (!Bun.which(program)) return `${program} is missing`;
  const tried = Bun.spawnSync(["unshare", "--net", "--", "python3", "-c", enter, "true"], { stderr: "pipe" });
  return tried.exitCode === 0
    ? undefined
    : `a network namespace cannot be made here: ${tried.stderr.toString().trim()}`;
}
