/** What a real program reaches in a container of a real engine, how it ends, and what happens when the engine does not do as told. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Sandbox, type SandboxOptions } from "./sandbox.ts";
import { ampleLimits } from "./testdata/limits.ts";
import { emptyWalls, type Walls } from "./walls.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.error("container.test.ts: skipped, since only root can start an engine of its own");

const user = { uid: 61_000, gid: 61_001 };
const limits = { ...ampleLimits, memory_bytes: 64_000_000, processes: 20 };

let root: string;
let workspace: string;
let socket: string;
let daemon: Bun.Subprocess | undefined;
let sandbox: Sandbox;

/** A daemon of this test's own: no bridge, no rules of the machine's firewall, all of its state beneath `root`. */
beforeAll(async () => {
  if (!isRoot) return;
  root = mkdtempSync(join(tmpdir(), "reeve-engine-"));
  workspace = join(root, "work, space");
  socket = join(root, "engine.sock");
  mkdirSync(join(workspace, "out"), { recursive: true });
  mkdirSync(join(workspace, "private"));
  for (const name of ["readme", "key.pem", "private/note"]) writeFileSync(join(workspace, name), `planted ${name}\n`);
  writeFileSync(join(root, "outside"), "planted outside");
  for (const name of ["", "out", "private"]) chownSync(join(workspace, name), user.uid, user.gid);
  const alone = [
    "--iptables=false",
    "--ip6tables=false",
    "--bridge=none",
    "--storage-driver",
    "vfs",
    "--group",
    "root",
  ];
  const places = ["--data-root", join(root, "data"), "--exec-root", join(root, "exec"), "--pidfile", join(root, "pid")];
  const log = Bun.file(join(root, "log"));
  daemon = Bun.spawn({
    cmd: ["/usr/sbin/dockerd", ...alone, ...places, "--host", `unix://${socket}`],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: root },
    stdio: ["ignore", log, log],
  });
  for (let tries = 0; engine("version").exitCode !== 0; tries++) {
    if (tries > 200 || daemon.exitCode !== null)
      throw new Error(`no engine: ${readFileSync(join(root, "log"), "utf8")}`);
    await Bun.sleep(50);
  }
  makeImage();
  sandbox = sandboxWith({});
});

afterAll(async () => {
  if (!isRoot) return;
  daemon?.kill("SIGTERM");
  await daemon?.exited;
  rmSync(root, { recursive: true, force: true });
});

function engine(...words: readonly string[]) {
  return Bun.spawnSync({ cmd: ["/usr/bin/docker", "--host", `unix://${socket}`, ...words], env: { HOME: root } });
}

/** A static shell and what it links to; with settings an image may have and that must not count. */
function makeImage(): void {
  const files = join(root, "image");
  for (const name of ["bin", "etc", "var", "tmp"]) mkdirSync(join(files, name), { recursive: true });
  Bun.spawnSync({ cmd: ["cp", "/bin/busybox", join(files, "bin/busybox")], env: {} });
  for (const name of Bun.spawnSync({ cmd: ["/bin/busybox", "--list"], env: {} })
    .stdout.toString()
    .trim()
    .split("\n")) {
    if (name !== "busybox") symlinkSync("busybox", join(files, "bin", name));
  }
  const tar = join(root, "image.tar");
  Bun.spawnSync({ cmd: ["tar", "-C", files, "-cf", tar, "."], env: { PATH: "/usr/bin:/bin" } });
  const change = ["--change", "ENV PLANTED=image", "--change", "USER 0", "--change", 'CMD ["planted"]'];
  const done = engine("import", ...change, tar, "reeve-test:1");
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
}

function sandboxWith(some: Partial<SandboxOptions>): Sandbox {
  return new Sandbox({
    binary: process.execPath,
    tier: "container",
    image: "reeve-test:1",
    engine_socket: socket,
    ...some,
  });
}

function wallsWith(some: Partial<Walls>): Walls {
  return { ...emptyWalls(limits), workspace, read: ["."], ...some };
}

function run(argv: readonly string[], some: Partial<Walls> = {}, stdin: Uint8Array | null = null) {
  return sandbox.execute(argv, wallsWith(some), { stdin, signal: new AbortController().signal, user });
}

const shell = (line: string, some: Partial<Walls> = {}) => run(["sh", "-c", line], some);

const containers = () => engine("ps", "--all", "--quiet").stdout.toString();

describe.skipIf(!isRoot)("in a container", () => {
  test("this machine holds the tier, shown by a program in it", async () => {
    expect(await sandbox.tier()).toMatchObject({ tier: "container", why: [] });
  });

  test("a program gives what it says and how it ended, and nothing of it is left", async () => {
    const done = await run(["sh", "-c", "cat; cat readme; echo oops >&2; exit 3"], {}, Buffer.from("said\n"));
    expect(done).toMatchObject({
      stdout: "said\nplanted readme\n",
      stderr: "oops\n",
      exit_code: 3,
      signal: null,
      ended_by: "exit",
      tier: "container",
    });
    expect(containers()).toBe("");
  });

  test("nothing of the machine, the image's settings or the engine is there", async () => {
    const given = { env: { COLOR: "blue" }, files: { "a.sh": Buffer.from("#!/bin/sh\necho given $1\n") } };
    const { stdout } = await shell(
      `id; env | cut -d= -f1 | sort | tr '\\n' ' '; echo; hostname; grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status
      ls /proc | grep -c '^[0-9]'; ls -A /sys | wc -l; cat /etc/resolv.conf /proc/net/route | wc -l; whoami; ulimit -c
      grep -c . /proc/net/dev; /run/reeve/files/a.sh word; tr '\\0' ' ' </proc/1/cmdline; cat /proc/1/environ; echo
      for p in ${root} /root /home ${socket} /var/run/docker.sock /dev/shm; do [ -e "$p" ] && echo "there: $p"; done
      for p in / $(cut -d' ' -f2 /proc/mounts); do [ -d $p ] && (: >$p/a) 2>/dev/null && echo "writable: $p"; done`,
      given,
    );
    expect(stdout.split("\n")).toEqual([
      "uid=61000(agent) gid=61001(agent) groups=61001(agent)",
      "COLOR HOME LANG PATH PWD SHLVL USER ",
      "sandbox",
      ...["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map((name) => `${name}:\t0000000000000000`),
      "NoNewPrivs:\t1",
      "Seccomp:\t2",
      expect.stringMatching(/^[4-7]$/),
      "0",
      "1",
      "agent",
      "0",
      "3",
      "given word",
      "/run/reeve/launch ",
      "writable: /tmp",
      "",
    ]);
    expect(stdout).not.toMatch(/planted|there:/);
  });

  test("it writes where it may and nowhere else; what is hidden is not there", async () => {
    const paths = "out/a a readme private/a /etc/a /bin/a /a /var/a /run/reeve/a /proc/sys/kernel/core_pattern /tmp/a";
    const { stdout, stderr } = await shell(
      `for p in ${paths}; do (echo x >$p) 2>/dev/null && echo $p; done; cat key.pem private/note; ls -A private; ls -A`,
      { write: ["out"], hidden: ["key.pem", "private"] },
    );
    expect(stdout.split("\n")).toEqual(["out/a", "/tmp/a", "key.pem", "out", "private", "readme", ""]);
    expect(stderr).toContain("'key.pem': Permission denied");
    expect(readFileSync(join(workspace, "out/a"), "utf8")).toBe("x\n");
    rmSync(join(workspace, "out/a"));
  });

  test("calls are refused by the engine's filter as well as by ours", async () => {
    const { stdout } = await shell(
      `unshare -r true || echo no name space; mount -t tmpfs a /tmp || echo no mount; chmod 4755 /tmp/a; touch /tmp/a
      chmod 4755 /tmp/a || echo no set-id; head -n 1 /run/reeve/status || echo no report; echo x >/run/reeve/status || echo no forgery
      chmod 777 /run/reeve/status || echo no mode; kill -9 1; grep ^Seccomp_filters: /proc/self/status`,
    );
    expect(stdout.split("\n")).toEqual([
      "no name space",
      "no mount",
      "no set-id",
      "no report",
      "no forgery",
      "no mode",
      "Seccomp_filters:\t2",
      "",
    ]);
  });

  test("without Landlock the report is still out of its reach, and ending who reports ends everything", async () => {
    const line = `(echo x >/run/reeve/status) 2>/dev/null || echo no forgery; (: </run/reeve/alive) 2>/dev/null || echo no end
      chmod 666 /run/reeve/status 2>/dev/null || echo no mode; (echo x >out/a) 2>/dev/null || echo no write; kill -9 $PPID; sleep 3600`;
    const company = { stdin: null, signal: new AbortController().signal, user };
    const done = await sandboxWith({ landlock: 0 }).execute(["sh", "-c", line], wallsWith({}), company);
    expect(done).toMatchObject({ exit_code: null, signal: "SIGKILL", ended_by: "exit" });
    expect(done.stdout).toBe("no forgery\nno end\nno mode\nno write\n");
  });

  test("a workspace that is not shown, or not what was opened, is refused", async () => {
    expect((await shell("pwd; ls -A; echo x >a && cat a", { workspace: null, read: [] })).stdout).toBe("/work\nx\n");
    symlinkSync(join(root, "outside"), join(workspace, "link"));
    await expect(run(["true"], { read: ["link"] })).rejects.toMatchObject({ code: "permission_denied" });
    rmSync(join(workspace, "link"));
    await expect(run(["no-such-program"])).rejects.toMatchObject({ code: "not_found" });
  });
});

describe.skipIf(!isRoot)("the way out of a container", () => {
  test("the relay runs before the program, with the proxy's socket and nothing else of the machine", async () => {
    const [relay, proxy] = [join(root, "relay"), join(root, "proxy.sock")];
    writeFileSync(relay, '#!/bin/sh\necho "$@" >/dev/null; printf x >&$4; exec sleep 3600\n', { mode: 0o755 });
    Bun.spawnSync({ cmd: ["python3", "-c", "import socket, sys; socket.socket(1).bind(sys.argv[1])", proxy], env: {} });
    const line = 'echo $HTTPS_PROXY; ls -A /run/reeve; [ -S /run/reeve/proxy.sock ] && ps -o args | grep "^sleep 3600"';
    const argv = ["sh", "-c", line];
    const walls = wallsWith({ proxy: { socket: proxy, url: "http://127.0.0.1:3128" } });
    const company = { stdin: null, signal: new AbortController().signal, user };
    const { stdout } = await sandboxWith({ binary: relay }).execute(argv, walls, company);
    const there = ["alive", "files", "launch", "proxy.sock", "reeve", "status"];
    expect(stdout.trim().split("\n")).toEqual(["http://127.0.0.1:3128", ...there, "sleep 3600"]);
  });
});

describe.skipIf(!isRoot)("limits in a container", () => {
  const bounded = (line: string, some: Partial<Walls["limits"]>) => shell(line, { limits: { ...limits, ...some } });

  test("time: all of it ends, also what went to the background", async () => {
    const done = await bounded("sleep 3600 & nohup sleep 3600 & sleep 20", { wall_ms: 300 });
    expect(done).toMatchObject({ ended_by: "timeout", exit_code: null, signal: "SIGKILL" });
    expect(containers()).toBe("");
  });

  test("memory, processor time, processes, files, output", async () => {
    const done = await Promise.all([
      bounded("head -c 200000000 /dev/zero | tail", {}),
      bounded("while :; do :; done", { cpu_ms: 1000 }),
      bounded("head -c 2000000 /dev/zero >/tmp/a; wc -c </tmp/a", { tmp_bytes: 4_000_000 }),
      bounded("i=0; while [ $i -lt 40 ]; do sleep 60 & i=$((i+1)); done; echo all", { wall_ms: 5000 }),
      bounded("yes", {}),
    ]);
    expect(done.map(({ ended_by }) => ended_by)).toEqual(["memory", "cpu", "exit", "exit", "output"]);
    expect(done[2]?.stdout).toBe("1000000\n");
    expect(done[3]?.stdout).not.toContain("all");
    expect(containers()).toBe("");
  });

  test("a canceled program is gone when its caller is told", async () => {
    const controller = new AbortController();
    const company = { stdin: null, signal: controller.signal, user, onOutput: () => controller.abort() };
    const done = await sandbox.execute(["sh", "-c", "echo up; sleep 3600"], wallsWith({}), company);
    expect(done.ended_by).toBe("canceled");
    expect(containers()).toBe("");
  });
});

describe.skipIf(!isRoot)("where the engine fails", () => {
  test("a container does not outlive the process that started it, however that ends", async () => {
    const argv = ["sh", "-c", "echo up; sleep 3600 & sleep 3600"];
    const script = `
      import { Sandbox } from ${JSON.stringify(join(dirname(import.meta.path), "sandbox.ts"))};
      const sandbox = new Sandbox(${JSON.stringify({ binary: process.execPath, tier: "container", image: "reeve-test:1", engine_socket: socket })});
      await sandbox.execute(${JSON.stringify(argv)}, ${JSON.stringify(wallsWith({ files: {} }))}, {
        stdin: null, user: ${JSON.stringify(user)}, signal: new AbortController().signal,
        onOutput: () => process.stdout.write("up"),
      });`;
    const other = Bun.spawn({ cmd: [process.execPath, "-e", script], env: {}, stdio: ["ignore", "pipe", "inherit"] });
    for await (const _ of other.stdout) break;
    expect(containers()).not.toBe("");
    other.kill("SIGKILL");
    await other.exited;
    // The engine takes a moment to see that the first process is gone; `wait` would miss one that is gone already.
    for (let tries = 0; containers() !== "" && tries < 100; tries++) await Bun.sleep(50);
    expect(containers()).toBe("");
  });

  test("the tier is taken where there is no bubblewrap, an image is named and the engine answers", async () => {
    const auto = { tier: "auto", bwrap: "/nonexistent/bwrap" } as const;
    expect((await sandboxWith(auto).tier()).tier).toBe("container");
    const unnamed = await sandboxWith({ ...auto, image: null }).tier();
    expect([unnamed.tier, unnamed.why.length]).toEqual(["landlock", 1]);
    const facts = await sandboxWith({ ...auto, engine_socket: "/nonexistent/socket" }).tier();
    expect(facts.tier).toBe("landlock");
    expect(facts.why.join()).toContain("Cannot connect to the Docker daemon");
  });

  test.each([
    [{ image: null }, "names no image"],
    [{ image: "reeve-test:2" }, "No such image"],
    [{ image: "--help" }, "invalid reference"],
    [{ engine_socket: "/nonexistent/socket" }, "Cannot connect"],
    [{ client: "/nonexistent/docker" }, "container failed"],
  ] as const)("%o is no tier, and no program starts", async (some, why) => {
    const none = sandboxWith(some);
    const facts = await none.tier();
    expect(facts).toMatchObject({ tier: "none", lost: ["every capability that runs a program stays unavailable"] });
    expect(facts.why.join()).toContain(why);
    const company = { stdin: null, signal: new AbortController().signal, user };
    const mark = join(workspace, "out", "started");
    const starting = none.execute(["touch", "/work/out/started"], wallsWith({ write: ["out"] }), company);
    await expect(starting).rejects.toMatchObject({ code: "failed_precondition" });
    expect(existsSync(mark)).toBe(false);
  });

  /** The real client, told something else: every word that matches the pattern is replaced. */
  function clientThat(replaces: string, by: string): string {
    const path = join(root, `client-${Math.random().toString(36).slice(2)}`);
    const loop = `for w do shift; case "$w" in ${replaces}) w='${by}';; esac; set -- "$@" "$w"; done`;
    writeFileSync(path, `#!/bin/sh\n${loop}\nexec /usr/bin/docker "$@"\n`, { mode: 0o755 });
    return path;
  }

  test.each([
    ["keeps capabilities", "--cap-drop", "--cap-add", "capabilities"],
    ["runs it as root", "65534:65534", "0:0", "uid 0"],
    ["does nothing", "run", "version", "did not start"],
    ["makes nothing of the launcher", "--entrypoint", "--env", "did not start"],
  ])("an engine that %s is not mistaken for one that confines", async (_, replaces, by, why) => {
    const facts = await sandboxWith({ client: clientThat(replaces, by) }).tier();
    expect(facts.tier).toBe("none");
    expect(facts.why.join()).toContain(why);
  });

  test("it is told every wall, also those that this engine would have by itself", async () => {
    const told = join(root, "told");
    const client = join(root, "client-that-notes");
    writeFileSync(client, `#!/bin/sh\necho "$@" >>'${told}'\nexec /usr/bin/docker "$@"\n`, { mode: 0o755 });
    await sandboxWith({ client }).tier();
    const line =
      readFileSync(told, "utf8")
        .split("\n")
        .find((each) => each.includes(" run ")) ?? "";
    const walls = ["--network none", "--read-only", "--cap-drop ALL", "--security-opt no-new-privileges", "--ipc none"];
    const rest = ["--pull never", "--rm", "--log-driver none", "--user 65534:65534", "--memory-swap 536870912"];
    for (const words of [...walls, ...rest, "--pids-limit 18", "--cgroupns private"])
      expect(line).toContain(` ${words} `);
    expect(line).toMatch(/ --entrypoint \/run\/reeve\/launch sha256:[0-9a-f]{64}$/);
  });

  test("what was not mounted, or is something else, is noticed before the program runs", async () => {
    const other = (target: string) => `type=bind,"source=${join(workspace, "private")}","target=${target}"`;
    const company = { stdin: null, signal: new AbortController().signal, user };
    for (const [pattern, target] of [
      ['*target=/work\\"*', "/work"],
      ["*target=/work/key.pem*", "/elsewhere"],
    ] as const) {
      const client = clientThat(pattern, other(target));
      const starting = sandboxWith({ client }).execute(["true"], wallsWith({ hidden: ["key.pem"] }), company);
      await expect(starting).rejects.toThrow("check failed");
    }
  });
});
