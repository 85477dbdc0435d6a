/** system.discover: sockets joined to processes, kinds recognised by process before port, nothing hidden in silence. */
import { expect, test } from "bun:test";
import type { ListenerFacts, ProcessFacts } from "../../define/handles.ts";
import { callTool } from "../testdata/call.ts";
import { discover } from "./discover.ts";

const socket = (
  protocol: ListenerFacts["protocol"],
  address: string,
  port: number,
  pid: number | null,
  process: string | null,
) => ({
  protocol,
  address,
  port,
  pid,
  process,
});
const nginx: ProcessFacts = {
  pid: 80,
  parent_pid: 1,
  name: "nginx",
  user_id: 33,
  state: "sleeping",
  cpu_percent: 1.5,
  memory_bytes: 4096,
  started_ms: 0,
  unit: "nginx.service",
};

async function found(
  listeners: readonly ListenerFacts[],
  input = {},
  units: readonly string[] | null = ["nginx.service", "init.scope"],
) {
  const machine = {
    listeners: async () => listeners,
    processes: async () => [nginx],
    units: async () => ({ available: units !== null, active: units ?? [] }),
  };
  return (await callTool(discover, { machine }, input)) as {
    readonly found: readonly { readonly [key: string]: unknown }[];
  };
}

test("a service has its process, unit, memory, CPU and kind", async () => {
  expect(await found([socket("tcp6", "::", 8081, 80, "nginx")])).toEqual({
    found: [
      {
        name: "nginx",
        pid: 80,
        protocol: "tcp6",
        address: "::",
        port: 8081,
        detected_as: "nginx",
        detected_by: "process",
        health_url: "http://[::1]:8081/",
        systemd_unit: "nginx.service",
        memory_bytes: 4096,
        cpu_percent: 1.5,
      },
    ],
    total: 1,
    total_listening_ports: 1,
    owner_unknown: 0,
    total_systemd_services: 1,
  } as never);
});

test("a socket of another user is listed, counted and only guessed at", async () => {
  const output = await found([socket("tcp", "127.0.0.1", 5432, null, null)]);
  expect(output).toMatchObject({ owner_unknown: 1 });
  expect(output.found[0]).toMatchObject({
    name: null,
    detected_as: "postgresql",
    detected_by: "port",
    systemd_unit: null,
  });
});

test("the process decides against the port", async () => {
  const output = await found([socket("tcp", "0.0.0.0", 5432, 7, "sshd")]);
  expect(output.found[0]).toMatchObject({ detected_as: "ssh", detected_by: "process", health_url: null });
});

test("a port means something only for its transport", async () => {
  expect((await found([socket("udp", "0.0.0.0", 22, null, null)])).found[0]).toMatchObject({
    detected_as: null,
    detected_by: null,
  });
});

test("workers on one socket are one, and IPv4 and IPv6 share a port", async () => {
  const output = await found([
    socket("tcp", "0.0.0.0", 80, 80, "nginx"),
    socket("tcp", "0.0.0.0", 80, 80, "nginx"),
    socket("tcp6", "::", 80, 80, "nginx"),
    socket("udp", "0.0.0.0", 80, 80, "nginx"),
  ]);
  expect(output).toMatchObject({ total: 3, total_listening_ports: 2 });
});

test("the limit keeps the lowest ports and tells the total", async () => {
  const output = await found([socket("tcp", "::1", 9, 1, "a"), socket("tcp", "::1", 3, 1, "a")], { limit: 1 });
  expect(output).toMatchObject({ total: 2, found: [{ port: 3 }] as never });
});

test("without systemd the number of services is unknown, not zero", async () => {
  expect(await found([], {}, null)).toMatchObject({ total_systemd_services: null });
});
