/** Sockets and who holds them: from files we wrote, and with real sockets this test opens. */
import { describe, expect, test } from "bun:test";
import { openMachine } from "./open.ts";
import { parseSockets } from "./sockets.ts";
import { plantMachine } from "./testdata/plant.ts";

const owners = {
  "proc/412/fd/0": "/dev/null",
  "proc/412/fd/3": "socket:[20111]",
  "proc/412/fd/4": "socket:[20900]",
  "proc/977/fd/5": "socket:[20110]",
  "proc/977/fd/6": "socket:[20113]",
  "proc/2301/fd/6": "socket:[20113]",
};

describe("on a machine of files", () => {
  test("listeners are joined to their processes, and the rest stays unowned", async () => {
    expect(await openMachine(plantMachine({}, owners)).listeners()).toEqual([
      { protocol: "tcp", address: "0.0.0.0", port: 53, pid: 977, process: "pihole-FTL" },
      { protocol: "tcp", address: "127.0.0.1", port: 5432, pid: null, process: null },
      { protocol: "tcp6", address: "::", port: 22, pid: 412, process: "sshd" },
      { protocol: "udp", address: "0.0.0.0", port: 53, pid: 977, process: "pihole-FTL" },
    ]);
  });

  test("connections have a peer and a state, and a socket without a file has no owner", async () => {
    expect(await openMachine(plantMachine({}, { ...owners, "proc/412/fd/9": "socket:[0]" })).connections()).toEqual([
      {
        protocol: "tcp",
        address: "192.168.7.2",
        port: 22,
        remote_address: "192.168.7.100",
        remote_port: 54_321,
        state: "established",
        pid: 412,
        process: "sshd",
      },
      {
        protocol: "tcp",
        address: "192.168.7.2",
        port: 35_886,
        remote_address: "8.8.8.8",
        remote_port: 53,
        state: "time_wait",
        pid: null,
        process: null,
      },
      {
        protocol: "tcp6",
        address: "::ffff:192.168.7.2",
        port: 8080,
        remote_address: "::ffff:192.168.7.100",
        remote_port: 54_336,
        state: "close_wait",
        pid: null,
        process: null,
      },
      {
        protocol: "udp",
        address: "192.168.7.2",
        port: 41_394,
        remote_address: "8.0.0.1",
        remote_port: 123,
        state: "established",
        pid: null,
        process: null,
      },
    ]);
  });

  test("a kernel without IPv6 has no such sockets and no fault", async () => {
    const roots = plantMachine({ "proc/net/tcp6": null, "proc/net/udp": null });
    expect((await openMachine(roots).listeners()).map(({ protocol }) => protocol)).toEqual(["tcp", "tcp"]);
  });

  test("a descriptor whose target imitates a socket is not one", async () => {
    const roots = plantMachine(
      {},
      { "proc/412/fd/3": "/tmp/socket:[20110]", "proc/412/fd/4": "socket:[20110] (deleted)" },
    );
    expect((await openMachine(roots).listeners())[0]?.pid).toBeNull();
  });

  test("lines of another form are passed over", () => {
    const lines = [
      "",
      "sl local_address",
      "0: 0100007F:ZZZZ 00000000:0000 0A",
      "0: 01:0035 00000000:0000 0A 0 0 0 0 0 1",
    ];
    expect(parseSockets(lines.join("\n"), "tcp")).toEqual([]);
  });
});

describe("on this machine", () => {
  test("a server of this process and its client are found, with their owner", async () => {
    const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    const client = await Bun.connect({ hostname: "127.0.0.1", port: server.port, socket: { data: () => undefined } });
    try {
      const listener = (await openMachine().listeners()).find(
        ({ port, protocol }) => port === server.port && protocol === "tcp",
      );
      expect(listener).toMatchObject({ address: "127.0.0.1", pid: process.pid });
      const connection = (await openMachine().connections()).find(({ port }) => port === client.localPort);
      expect(connection).toMatchObject({ remote_port: server.port, state: "established", pid: process.pid });
    } finally {
      client.terminate();
      server.stop(true);
    }
  });

  test("a UDP socket over IPv6 or IPv4 is found", async () => {
    const socket = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
    try {
      const found = (await openMachine().listeners()).find(
        ({ port, protocol }) => port === socket.port && protocol === "udp",
      );
      expect(found).toMatchObject({ address: "127.0.0.1", pid: process.pid });
    } finally {
      socket.close();
    }
  });
});
