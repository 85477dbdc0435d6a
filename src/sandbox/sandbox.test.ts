/** What a real program can and cannot do behind the walls, in each tier, and what happens where a wall is missing. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Execution, Sandbox } from "./sandbox.ts";
import { ampleLimits } from "./testdata/limits.ts";
import { emptyWalls, type Walls } from "./walls.ts";

const user = { uid: 61_000, gid: 61_000 };
const limits = ampleLimits;

let root: string;
let workspace: string;

beforeAll(() => {
  // Beneath a directory that nobody but root may enter: that is where a workspace of root's lies.
  root = mkdtempSync(join(homedir(), "reeve-sandbox-"));
  workspace = join(root, "workspace");
  mkdirSync(join(workspace, "out"), { recursive: true });
  writeFileSync(join(workspace, "readme"), "read me");
  writeFileSync(join(workspace, "key.pem"), "planted-key");
  writeFileSync(join(root, "outside"), "planted-outside");
  for (const path of [workspace, join(workspace, "out"), join(workspace, "readme")]) {
    chownSync(path, user.uid, user.gid);
  }
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

const sandboxes = {
  bwrap: new Sandbox({ binary: process.execPath, tier: "bwrap" }),
  landlock: new Sandbox({ binary: process.execPath, tier: "landlock" }),
};

function wallsWith(some: Partial<Walls>): Walls {
  return { ...emptyWalls(limits), workspace, read: ["."], ...some };
}

function run(argv: readonly string[], some: Partial<Walls> = {}, tier: keyof typeof sandboxes = "bwrap") {
  return sandboxes[tier].execute(argv, wallsWith(some), { stdin: null, signal: new AbortController().signal, user });
}

const shell = (line: string, some: Partial<Walls> = {}, tier: keyof typeof sandboxes = "bwrap") =>
  run(["sh", "-c", line], some, tier);

/** Under Landlock alone the workspace is where it is, and its owner must be able to get there. */
function withReachableWorkspace<T>(work: (some: Partial<Walls>) => Promise<T>): Promise<T> {
  const open = mkdtempSync("/tmp/reeve-reachable-");
  chmodSync(open, 0o755);
  chownSync(open, user.uid, user.gid);
  return work({ workspace: open, write: ["."] }).finally(() => rmSync(open, { recursive: true }));
}

describe("under bubblewrap", () => {
  test("this machine holds the tier, with its second layer", async () => {
    expect(await sandboxes.bwrap.tier()).toMatchObject({ tier: "bwrap", why: [], lost: [], hint: null });
  });

  test("a program gives what it says and how it ended, as data", async () => {
    const done = await run(["sh", "-c", "cat readme; echo oops >&2; exit 3"]);
    expect(done).toMatchObject({ stdout: "read me", stderr: "oops\n", exit_code: 3, signal: null, ended_by: "exit" });
    expect(done.tier).toBe("bwrap");
    expect((await shell("kill -TERM $$")).signal).toBe("SIGTERM");
  });

  test("its environment is what it was given and nothing of ours", async () => {
    process.env["REEVE_TEST_API_KEY"] = "planted-env";
    const { stdout } = await shell("env; cat /proc/1/environ /proc/1/cmdline", { env: { COLOR: "blue" } });
    delete process.env["REEVE_TEST_API_KEY"];
    const names = stdout.split("\n").flatMap((line) => /^([A-Z_]+)=/.exec(line)?.[1] ?? []);
    expect(names.sort()).toEqual(["COLOR", "HOME", "LANG", "PATH", "PWD", "USER"]);
    expect(stdout).not.toContain("planted");
    expect(stdout).not.toContain(root);
  });

  test("nothing of the machine is there but programs: no home, no accounts, no state, no host processes", async () => {
    const { stdout } = await shell(
      `for p in ${homedir()} ${root} /root /home /var /etc/shadow /etc/ssh /etc/machine-id /run/docker.sock /sys /boot /mnt; do [ -e "$p" ] && echo "$p"; done; ls /proc | grep -c '^[0-9]'; whoami; cat /proc/mounts`,
    );
    const [count, name, ...mounts] = stdout.trim().split("\n");
    expect(Number(count)).toBeLessThan(6);
    expect(name).toBe("agent");
    expect(mounts.filter((line) => !/ (ro|rw),?/.test(line))).toEqual([]);
    expect(
      mounts
        .filter((line) => / rw[, ]/.test(line))
        .map((line) => line.split(" ")[1])
        .sort(),
    ).toEqual(
      [
        "/dev",
        "/dev/console",
        "/dev/full",
        "/dev/null",
        "/dev/pts",
        "/dev/random",
        "/dev/tty",
        "/dev/urandom",
        "/dev/zero",
        "/proc",
        "/tmp",
        "/dev/shm",
      ]
        .filter((path) => mounts.some((line) => line.split(" ")[1] === path))
        .sort(),
    );
  });

  test("it writes where it may and nowhere else", async () => {
    const { stdout } = await shell(
      "for p in out/a a readme /etc/a /usr/a /a /run/a /proc/sys/kernel/core_pattern /proc/self/oom_score_adj /dev/a /tmp/a; do (echo x >$p) 2>/dev/null && echo $p; done",
      { write: ["out"] },
    );
    expect(stdout.trim().split("\n")).toEqual(["out/a", "/dev/a", "/tmp/a"].filter((path) => stdout.includes(path)));
    expect(stdout).toContain("out/a");
    expect(readFileSync(join(workspace, "out/a"), "utf8")).toBe("x\n");
    expect(lstatSync(join(workspace, "out/a")).uid).toBe(user.uid);
    expect(existsSync(join(workspace, "a"))).toBe(false);
    rmSync(join(workspace, "out/a"));
  });

  test("what is hidden is not there, be it a file or a directory", async () => {
    mkdirSync(join(workspace, "private"));
    writeFileSync(join(workspace, "private/note"), "planted-note");
    const { stdout } = await shell("cat key.pem private/note; ls private; grep -r planted . ; find / -name note", {
      hidden: ["key.pem", "private"],
    });
    expect(stdout).toBe("");
    rmSync(join(workspace, "private"), { recursive: true });
  });

  test("only the parts that may be read are there", async () => {
    const { stdout } = await shell("ls -A; cat key.pem", { read: ["readme"] });
    expect(stdout).toBe("readme\n");
  });

  test("without a workspace it has an empty directory of its own", async () => {
    const { stdout } = await shell("pwd; ls -A; echo x >a && cat a", { workspace: null, read: [] });
    expect(stdout).toBe("/work\nx\n");
  });

  test("links in the workspace lead nowhere outside, and none is mounted", async () => {
    symlinkSync(join(root, "outside"), join(workspace, "link"));
    symlinkSync(root, join(workspace, "up"));
    expect((await shell("cat link up/outside")).stdout).toBe("");
    for (const path of ["link", "up", "up/outside"]) {
      await expect(run(["true"], { read: ["."], write: [path] })).rejects.toMatchObject({ code: "permission_denied" });
    }
    await expect(run(["true"], { read: ["../outside"] })).rejects.toMatchObject({ code: "permission_denied" });
    linkSync(join(root, "outside"), join(workspace, "second"));
    await expect(run(["true"], { read: ["second"] })).rejects.toMatchObject({ code: "permission_denied" });
    for (const name of ["link", "up", "second"]) rmSync(join(workspace, name));
  });

  test("there is no network but its own loopback", async () => {
    const { stdout } = await run(["python3", "-c", network]);
    expect(stdout.trim().split("\n")).toEqual(["lo", "no host", "no name", "own loopback"]);
  });

  test("files given to it are there to read and to run", async () => {
    const files = { "a.sh": Buffer.from("#!/bin/sh\necho given $1\n") };
    expect((await run(["/run/reeve/files/a.sh", "word"], { files })).stdout).toBe("given word\n");
    expect((await shell("echo x >/run/reeve/files/a.sh", { files })).exit_code).not.toBe(0);
  });

  test("a program that is not there, or is none, is a fault that says so", async () => {
    await expect(run(["no-such-program"])).rejects.toMatchObject({ code: "not_found", data: { missing: "program" } });
    await expect(run(["/work/readme"])).rejects.toMatchObject({ code: "permission_denied" });
    await expect(run([])).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(run(["sh", "a\0b"])).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(run(["true"], { env: { "A=B": "c" } })).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("its profile is one hash for the same walls and another for others", async () => {
    const one = await run(["true"]);
    const same = await run(["false"]);
    const other = await run(["true"], { write: ["out"] });
    expect(same.profile_sha256).toBe(one.profile_sha256);
    expect(other.profile_sha256).not.toBe(one.profile_sha256);
  });
});

/** Interfaces, a port of the machine, a name, and its own loopback, by a language of its own. */
const network = `
import socket
print(" ".join(line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line))
s = socket.socket(); s.settimeout(2)
try: s.connect(("192.0.2.1", 80)); print("host")
except OSError: print("no host")
try: socket.getaddrinfo("example.com", 80); print("name")
except OSError: print("no name")
l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen()
c = socket.create_connection(l.getsockname(), 2); print("own loopback")
`;

/** Both tiers kill what is left of a tree. */
describe.each(["bwrap", "landlock"] as const)("limits under %s", (tier) => {
  const bounded = (line: string, some: Partial<Walls["limits"]>): Promise<Execution> =>
    withReachableWorkspace((place) => shell(line, { ...place, limits: { ...limits, ...some } }, tier));

  test("time: the whole tree ends, also what went to the background", async () => {
    const mark = newMark();
    const done = await bounded(`(sleep ${mark} & nohup sleep ${mark} & sleep ${mark})`, {
      wall_ms: 600,
    });
    expect(done).toMatchObject({ ended_by: "timeout", exit_code: null, signal: "SIGKILL" });
    expect(processesWith(mark)).toEqual([]);
  });

  test("an orphan does not outlive the program", async () => {
    const mark = newMark();
    await bounded(`(sleep ${mark} >/dev/null 2>&1 &) ; exit 0`, {});
    expect(processesWith(mark)).toEqual([]);
  });

  test("memory: it is ended and not the machine", async () => {
    const done = await bounded('python3 -c "x = bytearray(900000000); import time; time.sleep(60)"', {});
    expect(done.ended_by).toBe("memory");
  });

  test("processor time", async () => {
    const done = await bounded("while :; do :; done", { cpu_ms: 1000 });
    expect(done.ended_by).toBe("cpu");
  });

  test("output: what is kept is bounded and says so, and too much of it ends the program", async () => {
    const some = await bounded("yes abcdefgh | head -c 100000", { kept_bytes: 1000 });
    expect(some).toMatchObject({ ended_by: "exit", truncated: true });
    expect(some.stdout).toContain("[... 99000 bytes left out ...]");
    expect((await bounded("yes", {})).ended_by).toBe("output");
  });

  test("files: none larger than allowed, and no more of them open than allowed", async () => {
    const large = await bounded("head -c 2000000 /dev/zero >big; echo $?; wc -c <big", {});
    expect(large.stdout.trim().split("\n").at(-1)).toBe("1000000");
    const open = await bounded('python3 -c "import os\nfor i in range(1000): os.dup(0)"', {});
    expect(open.stderr).toContain("Too many open files");
  });

  test("a canceled program is gone when its caller is told", async () => {
    const mark = newMark();
    const controller = new AbortController();
    const started = Promise.withResolvers<void>();
    const running = withReachableWorkspace((place) =>
      sandboxes[tier].execute(["sh", "-c", `echo up; sleep ${mark}`], wallsWith(place), {
        stdin: null,
        signal: controller.signal,
        user,
        onOutput: () => started.resolve(),
      }),
    );
    await started.promise;
    controller.abort();
    expect((await running).ended_by).toBe("canceled");
    expect(processesWith(mark)).toEqual([]);
  });
});

test("processes: a fork bomb stays in its namespace and its number", async () => {
  const bomb =
    "python3 -c \"import os\nn=0\ntry:\n  while True:\n    if os.fork()==0: os.pause() if hasattr(os,'pause') else __import__('time').sleep(60)\n    n+=1\nexcept OSError: print(n)\"";
  const done = await shell(bomb, { limits: { ...limits, processes: 20, wall_ms: 10_000 } });
  expect(Number(done.stdout)).toBeGreaterThan(5);
  expect(Number(done.stdout)).toBeLessThan(21);
});

test("its /tmp has the size it was given", async () => {
  const { stdout } = await shell("head -c 900000 /dev/zero >/tmp/a && head -c 900000 /dev/zero >/tmp/b; wc -c </tmp/b");
  expect(Number(stdout)).toBeLessThan(900_000);
});

describe("under Landlock alone", () => {
  const landlocked = (line: string) => withReachableWorkspace((place) => shell(line, place, "landlock"));

  test("it writes in its workspace and reads programs, and neither the machine's files nor its processes", async () => {
    const { stdout, stderr } = await landlocked(
      `echo x >a && cat a; for p in /etc/shadow /etc/passwd /proc/1/environ /proc/self/environ ${join(root, "outside")} /var/log /tmp; do (cat $p || ls $p) 2>/dev/null; done; (echo x >/tmp/reeve-escape) 2>&1; kill -0 1 2>&1`,
    );
    expect(stdout).toStartWith("x\n");
    expect(stdout).not.toMatch(/root:|planted/);
    expect(existsSync("/tmp/reeve-escape")).toBe(false);
    expect(stdout + stderr).toContain("not permitted");
  });

  test("there are no sockets", async () => {
    const { stderr } = await landlocked("python3 -c 'import socket; socket.socket()'");
    expect(stderr).toContain("PermissionError");
    expect((await landlocked("python3 -c 'import socket; socket.socketpair(); print(1)'")).stdout).toBe("1\n");
  });

  test("walls it cannot build are refused, never left out", async () => {
    const asks: readonly Partial<Walls>[] = [{ hidden: ["key.pem"] }, { proxy: { socket: "/s", url: "http://x" } }];
    for (const some of asks) {
      await expect(run(["true"], some, "landlock")).rejects.toMatchObject({ code: "failed_precondition" });
    }
  });
});

describe("where a wall is missing", () => {
  const options = { binary: process.execPath, tier: "auto" } as const;

  test("without bubblewrap Landlock is left, and says what is lost", async () => {
    const facts = await new Sandbox({ ...options, bwrap: "/nonexistent/bwrap" }).tier();
    expect(facts.tier).toBe("landlock");
    expect(facts.lost.join()).toContain("no network");
    expect(facts.why.join()).toContain("bwrap failed");
  });

  test("with neither there is no tier, and no program starts", async () => {
    const none = new Sandbox({ ...options, bwrap: "/nonexistent/bwrap", landlock: 0 });
    expect(await none.tier()).toMatchObject({
      tier: "none",
      lost: ["every capability that runs a program stays unavailable"],
    });
    const mark = join(workspace, "out", "started");
    const company = { stdin: null, signal: new AbortController().signal, user };
    const walls = wallsWith({ write: ["out"] });
    await expect(none.execute(["touch", mark], walls, company)).rejects.toMatchObject({ code: "failed_precondition" });
    expect(existsSync(mark)).toBe(false);
  });

  test.each([
    ["that does nothing", "exit 0"],
    ["that confines nothing", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'],
    ["that fails", "echo 'setting up uid map: Permission denied' >&2; exit 1"],
  ])("a bubblewrap %s is not mistaken for one", async (_, body) => {
    const fake = join("/tmp", `reeve-fake-${Math.random().toString(36).slice(2)}`);
    writeFileSync(fake, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    try {
      const facts = await new Sandbox({ ...options, tier: "bwrap", bwrap: fake }).tier();
      expect(facts.tier).toBe("none");
      expect(facts.why).toHaveLength(1);
    } finally {
      rmSync(fake);
    }
  });

  test("as root nobody's program runs as root", async () => {
    for (const each of [undefined, { uid: 0, gid: 0 }, { uid: 0, gid: 61_000 }, { uid: 61_000, gid: 0 }]) {
      const company = { stdin: null, signal: new AbortController().signal, user: each };
      await expect(sandboxes.bwrap.execute(["id"], wallsWith({}), company)).rejects.toThrow("as root");
    }
  });
});

let marks = 0;

/** A number of seconds no other test sleeps for. */
function newMark(): string {
  return `3600.${process.pid}${Date.now()}${marks++}`;
}

/** Those that are alive now; others of the machine come and go while the list is read. */
function processesWith(mark: string): readonly string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && commandLine(name).includes(mark));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
