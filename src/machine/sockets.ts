/** TCP and UDP sockets of the machine, joined to the processes that hold them as far as this user may look. */
import type { ConnectionFacts, ListenerFacts } from "../define/handles.ts";
import { parseEndpoint } from "./address.ts";
import { forEachInTurn, type KernelRoots, readLink, readNames, readPids, readText } from "./kernel.ts";
import { readProcessName } from "./processes.ts";

/** Sockets that wait for others: TCP in state listen, UDP without a peer. */
export async function readListeners(roots: KernelRoots): Promise<readonly ListenerFacts[]> {
  const owned = await withOwners(roots, readSockets(roots).filter(isListener));
  return owned.map(({ socket, pid, process }) => ({
    protocol: socket.protocol,
    address: socket.local.address,
    port: socket.local.port,
    pid,
    process,
  }));
}

/** Sockets that have a peer, and those on their way to or from one. */
export async function readConnections(roots: KernelRoots): Promise<readonly ConnectionFacts[]> {
  const owned = await withOwners(
    roots,
    readSockets(roots).filter((socket) => !isListener(socket)),
  );
  return owned.map(({ socket, pid, process }) => ({
    protocol: socket.protocol,
    address: socket.local.address,
    port: socket.local.port,
    remote_address: socket.remote.address,
    remote_port: socket.remote.port,
    state: socket.state,
    pid,
    process,
  }));
}

const protocols = ["tcp", "tcp6", "udp", "udp6"] as const;

interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface SocketLine {
  readonly protocol: (typeof protocols)[number];
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly state: string;
  /** Text, because it is only compared. `0` when no file refers to the socket any more. */
  readonly inode: string;
}

/** One table of /proc/net; lines that are not sockets (the heading) are passed over. */
export function parseSockets(text: string, protocol: SocketLine["protocol"]): readonly SocketLine[] {
  return text.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const local = parseEndpoint(fields[1] ?? "");
    const remote = parseEndpoint(fields[2] ?? "");
    const code = fields[3] ?? "";
    const inode = fields[9] ?? "";
    if (!local || !remote || !/^\d+$/.test(inode)) return [];
    return [{ protocol, local, remote, state: tcpStates[code.toUpperCase()] ?? `state ${code}`, inode }];
  });
}

/** include/net/tcp_states.h of the kernel; UDP borrows `established` and `close`. */
const tcpStates: Readonly<Record<string, string>> = {
  "01": "established",
  "02": "syn_sent",
  "03": "syn_recv",
  "04": "fin_wait1",
  "05": "fin_wait2",
  "06": "time_wait",
  "07": "close",
  "08": "close_wait",
  "09": "last_ack",
  "0A": "listen",
  "0B": "closing",
  "0C": "new_syn_recv",
};

/** A table is absent where the kernel has no IPv6. */
function readSockets(roots: KernelRoots): readonly SocketLine[] {
  return protocols.flatMap((protocol) => parseSockets(readText(`${roots.proc}/net/${protocol}`) ?? "", protocol));
}

function isListener(socket: SocketLine): boolean {
  return socket.protocol.startsWith("tcp") ? socket.state === "listen" : socket.remote.port === 0;
}

interface OwnedSocket {
  readonly socket: SocketLine;
  readonly pid: number | null;
  readonly process: string | null;
}

/** Of several processes that hold one socket the one with the lowest id, which opened it, is named. */
async function withOwners(roots: KernelRoots, sockets: readonly SocketLine[]): Promise<readonly OwnedSocket[]> {
  const wanted = new Set(sockets.map((socket) => socket.inode).filter((inode) => inode !== "0"));
  const owners = new Map<string, { readonly pid: number; readonly process: string | null }>();
  await forEachInTurn(readPids(roots), (pid) => {
    if (wanted.size === 0) return "stop";
    for (const fd of readNames(`${roots.proc}/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(readLink(`${roots.proc}/${pid}/fd/${fd}`) ?? "")?.[1];
      if (inode === undefined || !wanted.delete(inode)) continue;
      owners.set(inode, { pid, process: readProcessName(roots, pid) ?? null });
    }
    return undefined;
  });
  return sockets.map((socket) => ({ socket, ...(owners.get(socket.inode) ?? { pid: null, process: null }) }));
}
