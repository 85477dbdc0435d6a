/** The machine as a handle: facts read from the kernel's files and from statfs, never from the output of a program. */
import { networkInterfaces } from "node:os";
import type { MachineHandle } from "../define/handles.ts";
import { readDisks } from "./disks.ts";
import { readHealth } from "./health.ts";
import { type KernelRoots, readText } from "./kernel.ts";
import { type Ipv4Addresses, parseResolver, readInterfaces, readRoutes } from "./network.ts";
import { readProcesses, readUnits } from "./processes.ts";
import { readConnections, readListeners } from "./sockets.ts";

export interface MachineOptions extends Partial<KernelRoots> {
  readonly ipv4?: Ipv4Addresses;
}

/**
 * A read-only view of this machine. Every method throws `unavailable` when a file that each Linux has cannot be read, and
 * leaves out what has gone away in the meantime or may not be seen by this user. Names set by others come with control
 * characters and invalid UTF-8 replaced by U+FFFD.
 */
export function openMachine(options: MachineOptions = {}): MachineHandle {
  const { ipv4 = askLibrary, ...named } = options;
  const roots: KernelRoots = { proc: "/proc", sys: "/sys", etc: "/etc", ...named };
  return {
    health: () => readHealth(roots, sample_ms),
    processes: () => readProcesses(roots, sample_ms),
    disks: () => readDisks(roots),
    listeners: () => readListeners(roots),
    connections: () => readConnections(roots),
    interfaces: async () => readInterfaces(roots, ipv4),
    routes: async () => readRoutes(roots),
    dns: async () => parseResolver(readText(`${roots.etc}/resolv.conf`) ?? ""),
    units: () => readUnits(roots),
  };
}

/** Long enough for 20 ticks of the kernel's accounting. */
const sample_ms = 200;

function askLibrary(): ReadonlyMap<string, readonly string[]> {
  return new Map(
    Object.entries(networkInterfaces()).map(([name, addresses = []]) => [
      // A label such as `eth0:1` names a second address of `eth0`.
      name.split(":")[0] ?? name,
      addresses.flatMap(({ family, cidr }) => (family === "IPv4" && cidr ? [cidr] : [])),
    ]),
  );
}
