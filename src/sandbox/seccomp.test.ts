/** The filter, run as the kernel would by a small interpreter of its instructions for both architectures, and by the kernel for ours. */
import { describe, expect, test } from "bun:test";
import { type FilterKind, seccompFilter } from "./seccomp.ts";
import { type Architecture, findSyscall, type SyscallName } from "./syscalls.ts";

const audit = { "x86-64": 0xc000003e, aarch64: 0xc00000b7 };
const verdicts = new Map([
  [0x7fff0000, "allow"],
  [0x80000000, "kill"],
]);

/** What the filter says of a call: `allow`, `kill` or `errno N`. */
function judge(filter: Buffer, arch: number, number: number, args: readonly number[] = []): string {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number, 0);
  data.writeUInt32LE(arch >>> 0, 4);
  for (const [i, value] of args.entries()) data.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 16 + i * 8);
  let register = 0;
  for (let at = 0; at < filter.length / 8; at++) {
    const code = filter.readUInt16LE(at * 8);
    const [yes, no] = [filter.readUInt8(at * 8 + 2), filter.readUInt8(at * 8 + 3)];
    const k = filter.readUInt32LE(at * 8 + 4);
    if (code === 0x06) return verdicts.get(k) ?? `errno ${k - 0x00050000}`;
    if (code === 0x20) register = data.readUInt32LE(k);
    else if (code === 0x15) at += register === k ? yes : no;
    else if (code === 0x25) at += register > k ? yes : no;
    else if (code === 0x45) at += (register & k) !== 0 ? yes : no;
    else throw new Error(`unknown instruction ${code}`);
  }
  throw new Error("the filter has no end");
}

function ask(architecture: Architecture, kind: FilterKind, name: SyscallName, ...args: number[]): string {
  const number = findSyscall(architecture, name);
  return number === undefined
    ? "no such call"
    : judge(seccompFilter(architecture, kind), audit[architecture], number, args);
}

describe.each(["x86-64", "aarch64"] as const)("%s", (architecture) => {
  const filter = seccompFilter(architecture, "namespaced");

  test("another architecture's calls end the process, whatever they are", () => {
    const other = architecture === "x86-64" ? "aarch64" : "x86-64";
    expect(judge(filter, audit[other], 1)).toBe("kill");
    expect(judge(filter, 0x40000003, 1)).toBe("kill");
  });

  test("calls newer than the table do not exist", () => {
    expect(judge(filter, audit[architecture], 463)).toBe("errno 38");
    expect(judge(filter, audit[architecture], 0x3fffffff)).toBe("errno 38");
    if (architecture === "x86-64") expect(judge(filter, audit[architecture], 0x40000000)).toBe("kill");
  });

  test("ordinary calls pass", () => {
    for (const name of ["read", "write", "execve", "wait4", "openat", "close", "umask", "pipe2"] as const) {
      expect([name, ask(architecture, "namespaced", name, 0, 0, 0, 0)]).toEqual([name, "allow"]);
    }
  });

  test.each([
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "setns",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "pidfd_getfd",
    "bpf",
    "keyctl",
    "add_key",
    "request_key",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "open_by_handle_at",
    "name_to_handle_at",
    "kexec_load",
    "init_module",
    "finit_module",
    "reboot",
    "swapon",
    "syslog",
    "settimeofday",
    "quotactl",
  ] as const)("%s is refused", (name) => {
    expect(ask(architecture, "namespaced", name)).toBe("errno 1");
  });

  test.each(["clone3", "openat2", "fsopen", "open_tree", "move_mount", "mount_setattr"] as const)(
    "%s does not exist",
    (name) => {
      expect(ask(architecture, "namespaced", name)).toBe("errno 38");
    },
  );

  test("threads and processes can be made, name spaces not, by any of their bits", () => {
    const thread = 0x3d0f00;
    expect(ask(architecture, "namespaced", "clone", thread)).toBe("allow");
    expect(ask(architecture, "namespaced", "clone", 17)).toBe("allow");
    for (const bit of [17, 25, 26, 27, 28, 29, 30]) {
      expect([bit, ask(architecture, "namespaced", "clone", 2 ** bit)]).toEqual([bit, "errno 1"]);
      expect([bit, ask(architecture, "namespaced", "unshare", 2 ** bit)]).toEqual([bit, "errno 1"]);
    }
    expect(ask(architecture, "namespaced", "unshare", 0x80)).toBe("errno 1");
    expect(ask(architecture, "namespaced", "unshare", 0x400)).toBe("allow");
  });

  test("no file gets another user's power, at its making or later", () => {
    for (const mode of [0o4755, 0o2755, 0o6000]) {
      expect(ask(architecture, "namespaced", "fchmod", 3, mode)).toBe("errno 1");
      expect(ask(architecture, "namespaced", "fchmodat", -100, 0, mode)).toBe("errno 1");
      expect(ask(architecture, "namespaced", "fchmodat2", -100, 0, mode)).toBe("errno 1");
      expect(ask(architecture, "namespaced", "openat", -100, 0, 0o100, mode)).toBe("errno 1");
      expect(ask(architecture, "namespaced", "mknodat", -100, 0, 0o100000 | mode)).toBe("errno 1");
      if (architecture === "aarch64") continue;
      expect(ask(architecture, "namespaced", "chmod", 0, mode)).toBe("errno 1");
      expect(ask(architecture, "namespaced", "open", 0, 0o100, mode)).toBe("errno 1");
      expect(ask(architecture, "namespaced", "creat", 0, mode)).toBe("errno 1");
    }
    expect(ask(architecture, "namespaced", "fchmod", 3, 0o1777)).toBe("allow");
  });

  test("sockets of the three families that stay inside; none at all where there is no inside", () => {
    for (const family of [1, 2, 10]) {
      expect(ask(architecture, "namespaced", "socket", family)).toBe("allow");
      expect(ask(architecture, "shared", "socket", family)).toBe("errno 13");
    }
    for (const family of [0, 3, 16, 17, 38, 40]) {
      expect([family, ask(architecture, "namespaced", "socket", family)]).toEqual([family, "errno 97"]);
    }
    expect(ask(architecture, "shared", "socketpair", 1)).toBe("allow");
    expect(ask(architecture, "shared", "socketpair", 2)).toBe("errno 97");
  });

  test("nobody leaves the process group where it is what gets killed", () => {
    expect(ask(architecture, "shared", "setsid")).toBe("errno 1");
    expect(ask(architecture, "shared", "setpgid")).toBe("errno 1");
    expect(ask(architecture, "namespaced", "setsid")).toBe("allow");
  });

  test("a terminal is not typed into, with the upper half of the argument set or not", () => {
    for (const request of [0x5412, 0x541c, 0x5423]) {
      expect(ask(architecture, "namespaced", "ioctl", 0, request)).toBe("errno 1");
      expect(ask(architecture, "namespaced", "ioctl", 0, 2 ** 32 + request)).toBe("errno 1");
    }
    expect(ask(architecture, "namespaced", "ioctl", 0, 0x5401)).toBe("allow");
  });

  test("personalities that switch protections off are refused", () => {
    expect(ask(architecture, "namespaced", "personality", 0xffffffff)).toBe("allow");
    for (const bits of [0x0040000, 0x0400000, 0x0100000]) {
      expect(ask(architecture, "namespaced", "personality", bits)).toBe("errno 1");
    }
  });
});
