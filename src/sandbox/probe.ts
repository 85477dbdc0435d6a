/**
 * Proof by doing that this machine can confine a child: a real bubblewrap run, never started as uid 0, whose own view
 * (uid, capabilities, network, /proc/sys) is read back and judged. What cannot be shown counts as not available.
 */
import { accessSync, constants, lstatSync, readlinkSync } from "node:fs";

/** What a child saw inside the sandbox, or why there is none and what Reeve cannot do without it. */
export type SandboxProbe =
  | {
      readonly available: true;
      readonly outside_uid: number;
      readonly facts: SandboxFacts;
      readonly duration_ms: number;
    }
  | { readonly available: false; readonly why: string; readonly lost: string; readonly hint: string };

export interface SandboxFacts {
  readonly uid: number;
  readonly effective_capabilities: string;
  readonly no_new_privileges: boolean;
  readonly network_interfaces: readonly string[];
  readonly network_routes: number;
  readonly kernel_settings_writable: boolean;
}

/** What the probe needs of the machine; tests give other programs. */
interface SandboxPrograms {
  readonly bwrap: string | undefined;
  readonly setpriv: string | undefined;
  readonly shell: string;
  readonly uid: number;
}

const unprivilegedUid = 65_534;
const timeoutMs = 10_000;
const lost = "programs of agents cannot be confined, so every capability that runs a program stays unavailable";

/** Programs are looked for in fixed places: a PATH is somebody's word, and this runs as whoever runs Reeve. */
const places = [
  "/usr/bin",
  "/bin",
  "/usr/sbin",
  "/sbin",
  "/usr/local/bin",
  "/run/wrappers/bin",
  "/run/current-system/sw/bin",
];

export function sandboxPrograms(): SandboxPrograms {
  return {
    bwrap: findProgram("bwrap"),
    setpriv: findProgram("setpriv"),
    shell: "/bin/sh",
    uid: process.getuid?.() ?? unprivilegedUid,
  };
}

export async function probeSandbox(programs: SandboxPrograms = sandboxPrograms()): Promise<SandboxProbe> {
  if (!programs.bwrap)
    return refused("bubblewrap is not installed", "install bubblewrap (Debian: apt-get install bubblewrap)");
  const drop = dropCommand(programs);
  if (!drop) {
    return refused(
      "running as root and setpriv is missing, so the sandbox would start as uid 0, which it cannot hold",
      "install util-linux, or run Reeve as an unprivileged user",
    );
  }
  const started = performance.now();
  const run = await runProbe([
    ...drop,
    programs.shell,
    "-c",
    outerScript,
    "sh",
    programs.bwrap,
    ...profile(),
    innerScript,
  ]);
  const duration_ms = Math.round((performance.now() - started) * 10) / 10;
  if (run.exit !== 0)
    return refused(`bubblewrap failed: ${firstLine(run.stderr) || `exit status ${run.exit}`}`, hintFor(run.stderr));
  return judge(run.stdout, duration_ms);
}

/** Uid 0 inside still owns files below /proc/sys whatever its capabilities, so the uid is given up before bubblewrap. */
function dropCommand(programs: SandboxPrograms): readonly string[] | undefined {
  if (programs.uid !== 0) return [];
  if (!programs.setpriv) return undefined;
  const id = unprivilegedUid;
  return [programs.setpriv, `--reuid=${id}`, `--regid=${id}`, "--clear-groups", "--no-new-privs", "--"];
}

/** Prints the uid that starts bubblewrap, then becomes it. */
const outerScript = 'while read -r a b _; do [ "$a" = Uid: ] && echo "outside $b"; done </proc/self/status; exec "$@"';

/** Shell built-ins only, so that nothing but a shell has to exist inside. */
const innerScript = `
while read -r a b _; do case "$a" in Uid:) echo "uid $b";; CapEff:) echo "cap $b";; NoNewPrivs:) echo "nnp $b";; esac; done </proc/self/status
while read -r a _; do case "$a" in *:) echo "if \${a%:}";; *:*) echo "if \${a%%:*}";; esac; done </proc/net/dev
while read -r a b _; do [ "$a" = Iface ] || echo "route $b"; done </proc/net/route
if [ -w /proc/sys/kernel/core_pattern ]; then echo "sys writable"; else echo "sys sealed"; fi
echo end`;

function profile(): readonly string[] {
  return [
    ...["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"],
    ...["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv", "--setenv", "PATH", "/usr/bin:/bin"],
    ...systemDirectories(),
    ...[
      "--proc",
      "/proc",
      "--ro-bind",
      "/proc/sys",
      "/proc/sys",
      "--dev",
      "/dev",
      "--tmpfs",
      "/tmp",
      "--chdir",
      "/tmp",
    ],
    ...["--", "/bin/sh", "-c"],
  ];
}

/** The directories programs live in, read-only; a merged-usr link stays a link. */
function systemDirectories(): readonly string[] {
  return ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/nix/store"].flatMap((path) => {
    const facts = lstatSync(path, { throwIfNoEntry: false });
    if (!facts) return [];
    return facts.isSymbolicLink() ? ["--symlink", readlinkSync(path), path] : ["--ro-bind", path, path];
  });
}

async function runProbe(command: readonly string[]) {
  const child = Bun.spawn({
    cmd: [...command],
    cwd: "/",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, exit] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, exit };
}

/** Reads the child's own report; exported so that a report of a leaking sandbox can be shown to be refused. */
export function judge(report: string, duration_ms: number): SandboxProbe {
  const lines = report.trim().split("\n");
  const values = (key: string) =>
    lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const outside_uid = Number(values("outside")[0] ?? "0");
  const facts: SandboxFacts = {
    uid: Number(values("uid")[0] ?? "0"),
    effective_capabilities: values("cap")[0] ?? "unknown",
    no_new_privileges: values("nnp")[0] === "1",
    network_interfaces: values("if"),
    network_routes: values("route").length,
    kernel_settings_writable: values("sys")[0] !== "sealed",
  };
  const leak = lines.at(-1) === "end" ? leakOf(outside_uid, facts) : "the child's report is incomplete";
  if (leak) return refused(`the sandbox does not hold: ${leak}`, "do not run programs of agents on this machine");
  return { available: true, outside_uid, facts, duration_ms };
}

function leakOf(outside_uid: number, facts: SandboxFacts): string | undefined {
  if (outside_uid === 0) return "bubblewrap was started as uid 0";
  if (facts.uid === 0) return "the child is uid 0";
  if (!/^0+$/.test(facts.effective_capabilities)) return `the child has capabilities ${facts.effective_capabilities}`;
  if (!facts.no_new_privileges) return "the child may gain privileges";
  if (facts.network_interfaces.some((name) => name !== "lo"))
    return `the child sees ${facts.network_interfaces.join(", ")}`;
  if (facts.network_routes > 0) return "the child has network routes";
  return facts.kernel_settings_writable ? "the child may write kernel settings" : undefined;
}

function hintFor(stderr: string): string {
  if (/user namespace|setting up uid map|Operation not permitted|Permission denied/i.test(stderr)) {
    return "allow unprivileged user namespaces for bwrap (sysctl kernel.unprivileged_userns_clone=1, or on Ubuntu an AppArmor profile)";
  }
  return "run bwrap by hand to see what fails";
}

function refused(why: string, hint: string): SandboxProbe {
  return { available: false, why, lost, hint };
}

function findProgram(name: string): string | undefined {
  return places.map((place) => `${place}/${name}`).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0] ?? "";
}
