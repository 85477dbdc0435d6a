/** Programs that try to reach somebody who listens on this machine. */
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Segment, Step } from "../sandbox/launch/steps.ts";
import { unless, type Verdict } from "./attack.ts";
import { carryOut, type Cell, type Escape } from "./cell.ts";
import { datagramSink, streamSink, type Sink } from "./sink.ts";

const AF = { UNIX: 1, INET: 2, INET6: 10 } as const;
const [SOCK_STREAM, SOCK_DGRAM] = [1, 2];

/** Whether what the program sent arrived. */
async function arrives(sink: Sink, send: (port: number) => Promise<unknown>): Promise<Verdict> {
  try {
    await send(sink.port);
    // What was sent to this machine before the program ended lies in a queue of its kernel.
    await Bun.sleep(5);
    return unless(sink.got(), "it arrived");
  } finally {
    await sink.close();
  }
}

/** struct sockaddr_in, sockaddr_in6. */
function address(family: 2 | 10, port: number): Buffer {
  const bytes = Buffer.alloc(family === AF.INET ? 16 : 28);
  bytes.writeUInt16LE(family, 0);
  bytes.writeUInt16BE(port, 2);
  if (family === AF.INET) bytes.set([127, 0, 0, 1], 4);
  else bytes[23] = 1;
  return bytes;
}

/** struct sockaddr_un; a name that begins with NUL is no file. */
const named = (name: string) => Buffer.concat([Buffer.from([AF.UNIX, 0]), Buffer.from(name)]);

/** A connection by system calls alone, and a byte through it. */
function connects(family: number, to: Uint8Array): (data: Segment) => readonly Step[] {
  return (data) => {
    const fd = data.space(8);
    return [
      { call: "socket", arguments: [family, SOCK_STREAM, 0], keep: fd },
      { call: "connect", arguments: [{ value_of: fd }, data.put(to), to.length] },
      { call: "write", arguments: [{ value_of: fd }, data.text("x"), 1] },
    ];
  };
}

function sends(family: number, to: Uint8Array): (data: Segment) => readonly Step[] {
  return (data) => {
    const fd = data.space(8);
    return [
      { call: "socket", arguments: [family, SOCK_DGRAM, 0], keep: fd },
      { call: "sendto", arguments: [{ value_of: fd }, data.text("x"), 1, 0, data.put(to), to.length] },
    ];
  };
}

function reaches(
  id: string,
  title: string,
  play: Escape["play"],
  expects: Escape["expects"] = "sandbox-network",
): Escape {
  return { id, title, expects, play };
}

const abstract = (cell: Cell) => `\0reeve-attack-${process.pid}-${cell.name}`;

export const network: readonly Escape[] = [
  reaches("tcp", "connects to a port of the machine", async (cell) =>
    arrives(streamSink({ hostname: "127.0.0.1" }), (port) => carryOut(cell, connects(AF.INET, address(AF.INET, port)))),
  ),
  reaches("tcp6", "connects to it by IPv6", async (cell) => {
    const isThere = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === "::1"));
    if (!isThere) return { held: true, seen: "this machine has no IPv6" };
    const sink = streamSink({ hostname: "::1" });
    return arrives(sink, (port) => carryOut(cell, connects(AF.INET6, address(AF.INET6, port))));
  }),
  reaches("tcp-shell", "connects to it by the shell's own means", async ({ run }) =>
    arrives(streamSink({ hostname: "127.0.0.1" }), (port) =>
      run(["bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/${port} && echo x >&3`]),
    ),
  ),
  reaches("tcp-any", "connects to it by the address of no host", async ({ run }) =>
    arrives(streamSink({ hostname: "127.0.0.1" }), (port) => run(["bash", "-c", `echo x >/dev/tcp/0.0.0.0/${port}`])),
  ),
  reaches("tcp-packed", "connects to it, packed and unpacked into a shell", async ({ run }) =>
    arrives(streamSink({ hostname: "127.0.0.1" }), (port) => {
      const packed = Buffer.from(`echo x >/dev/tcp/127.0.0.1/${port}`).toString("base64");
      return run(["bash", "-c", `echo ${packed} | base64 -d | bash`]);
    }),
  ),
  reaches("udp", "sends a datagram to a port of the machine", async (cell) =>
    arrives(await datagramSink(), (port) => carryOut(cell, sends(AF.INET, address(AF.INET, port)))),
  ),
  reaches("abstract", "connects to a socket of the machine that has no file", async (cell) =>
    arrives(streamSink({ unix: abstract(cell) }), () => carryOut(cell, connects(AF.UNIX, named(abstract(cell))))),
  ),
  reaches("see-ports", "sees which ports of the machine are listened on", async ({ sh }) => {
    const sink = streamSink({ hostname: "127.0.0.1" });
    try {
      const { stdout } = await sh("cat /proc/net/tcp");
      const port = sink.port.toString(16).toUpperCase().padStart(4, "0");
      return unless(stdout.includes(`0100007F:${port} `), "it saw the port");
    } finally {
      await sink.close();
    }
  }),
  reaches(
    "service-socket",
    "connects to the socket of a service, as that of Docker or D-Bus",
    async (cell) => {
      const path = join(cell.beyond, "s");
      return arrives(streamSink({ unix: path }), () => carryOut(cell, connects(AF.UNIX, named(`${path}\0`))));
    },
    "sandbox-files",
  ),
];
