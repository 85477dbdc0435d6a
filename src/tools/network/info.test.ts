/** network.info: each query answers with its own part. */
import { expect, test } from "bun:test";
import { callTool } from "../testdata/call.ts";
import { info } from "./info.ts";

const listener = { protocol: "tcp", address: "::", port: 22, pid: null, process: null } as const;
const connection = { ...listener, remote_address: "::1", remote_port: 5, state: "established" };
const machine = {
  interfaces: async () => [
    { name: "lo", up: true, mac: null, addresses: ["::1/128"], received_bytes: 1, sent_bytes: 2 },
  ],
  connections: async () => [connection, connection, connection],
  listeners: async () => [listener, listener],
  routes: async () => [{ destination: "::/0", gateway: null, interface: "lo", metric: 1 }],
  dns: async () => ({ nameservers: ["::1"], search: ["lan"] }),
};

test.each([
  ["connections", { total: 3, connections: [connection, connection, connection] }],
  ["ports", { total: 2, ports: [listener, listener] }],
  ["routes", { routes: [{ destination: "::/0", gateway: null, interface: "lo", metric: 1 }] }],
  ["dns", { nameservers: ["::1"], search: ["lan"] }],
])("%s", async (query, part) => {
  expect(await callTool(info, { machine }, { query })).toEqual({ query, ...part });
});

test("without a query it shows the interfaces", async () => {
  expect(await callTool(info, { machine })).toEqual({ query: "interfaces", interfaces: await machine.interfaces() });
});

test("the limit cuts connections and tells how many there are", async () => {
  expect(await callTool(info, { machine }, { query: "connections", limit: 2 })).toMatchObject({
    total: 3,
    connections: [connection, connection],
  });
});

test("an unknown query is refused", async () => {
  await expect(callTool(info, { machine }, { query: "wifi" })).rejects.toMatchObject({ code: "invalid_argument" });
});
