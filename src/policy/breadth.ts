/** What a grant may not be, whoever asks for it: unknown, of control, never matching, or so wide that it grants anything. */
import { Fault } from "../core/fault.ts";
import { broadSuffix } from "../core/hostname.ts";
import { didYouMean } from "../core/nearest.ts";
import { type Capability, controlCapabilities, coversName, parseCapability } from "./capability.ts";
import { splitEndpoint } from "./endpoint.ts";
import { grammars, kindOfCapability } from "./pattern.ts";

/**
 * The capability of a grant about to be made. Throws `invalid_argument` when it is malformed, unknown, can never match
 * or is too wide, `permission_denied` when it, or its family, is control.
 */
export function checkGrantable(text: string, known: readonly string[]): Capability {
  const capability = parseCapability(text);
  const { name, pattern } = capability;
  const members = known.filter((each) => coversName(name, each));
  const control = [...controlCapabilities].filter((each) => coversName(name, each));
  if (control.length > 0) throw refuseControl(name, control, members);
  if (members.length === 0) {
    throw new Fault("invalid_argument", `there is no capability ${name}`, {
      hint: didYouMean(name, known, `known capabilities: ${known.toSorted().join(", ")}`),
    });
  }
  const kind = kindOfCapability(name);
  const never = pattern === null ? undefined : grammars[kind].patternProblem(pattern);
  if (never) throw refused(text, `the pattern can never match: ${never}`, "see docs/specs/policy.md for the patterns");
  const wide = kind === "endpoint" ? wideEndpoint(pattern) : kind === "command" ? wideCommand(pattern) : undefined;
  if (wide) throw refused(text, wide, "grant what is needed and nothing wider");
  return capability;
}

function refuseControl(name: string, control: readonly string[], members: readonly string[]): Fault {
  const harmless = members.filter((each) => !controlCapabilities.has(each));
  return new Fault("permission_denied", `${name} cannot be granted: ${control.join(", ")} belongs to the operator`, {
    hint: harmless.length
      ? `grant by name what is meant: ${harmless.join(", ")}`
      : "an agent may propose such a call; the operator makes it",
  });
}

function refused(text: string, why: string, hint: string): Fault {
  return new Fault("invalid_argument", `${JSON.stringify(text)} cannot be granted: ${why}`, { hint });
}

function wideEndpoint(pattern: string | null): string | undefined {
  const host = pattern === null ? undefined : splitEndpoint(pattern)?.host;
  if (host === undefined || host === "*") return "it covers every host";
  const broad = host.startsWith("*.") ? broadSuffix(host.slice(2)) : undefined;
  return broad && `it covers ${broad}`;
}

/** A launcher runs what its arguments say, so a prefix that stops before naming that covers every command. */
function wideCommand(pattern: string | null): string | undefined {
  if (pattern === null || pattern === "*") return "it covers every command";
  const [program = "", ...words] = pattern.split(" ");
  if (!launchers.has(program.slice(program.lastIndexOf("/") + 1).replace(/[\d.]+$/, ""))) return undefined;
  const namesWork = words.some((word) => !word.startsWith("-") && !/^\w+=/.test(word) && !/^\d+[smhd]?$/.test(word));
  return namesWork ? undefined : `${program} runs any command it is given`;
}

const launchers: ReadonlySet<string> = new Set(
  (
    "sh bash dash zsh ksh fish busybox env xargs sudo su doas nohup setsid timeout nice ionice stdbuf time watch script chroot " +
    "unshare nsenter setpriv runuser pkexec systemd-run command builtin source . trap flock strace gdb parallel expect screen tmux " +
    "ash mksh csh tcsh pwsh rbash tsx Rscript docker podman ssh find awk gawk mawk sed python perl ruby node bun deno php lua tclsh npx bunx make git-shell exec eval"
  ).split(" "),
);
