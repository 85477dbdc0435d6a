/** network.info: interfaces, connections, routes, name servers or listening ports of the machine. */
import * as v from "valibot";
import { integer } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const socket = {
  protocol: v.picklist(["tcp", "tcp6", "udp", "udp6"]),
  address: v.string(),
  port: count,
  pid: v.nullable(count),
  process: v.pipe(v.nullable(v.string()), v.description("null when this user may not see it")),
};

export const info = defineTool({
  name: "network.info",
  aliases: ["network_info"],
  summary: "Show network interfaces with their IP addresses, open connections, routes, DNS servers or listening ports.",
  capability: "network.read",
  effect: "read",
  needs: ["machine"],
  input: () =>
    v.strictObject({
      query: v.optional(v.picklist(["interfaces", "connections", "routes", "dns", "ports"]), "interfaces"),
      limit: v.optional(v.pipe(integer(1, 1000), v.description("of connections and ports")), 200),
    }),
  output: () =>
    v.strictObject({
      query: v.string(),
      total: v.pipe(v.optional(count), v.description("connections or ports, before the limit")),
      interfaces: v.optional(
        v.array(
          v.strictObject({
            name: v.string(),
            up: v.boolean(),
            mac: v.nullable(v.string()),
            addresses: v.pipe(v.array(v.string()), v.description("CIDR form")),
            received_bytes: count,
            sent_bytes: count,
          }),
        ),
      ),
      connections: v.optional(
        v.array(v.strictObject({ ...socket, remote_address: v.string(), remote_port: count, state: v.string() })),
      ),
      ports: v.optional(v.array(v.strictObject(socket))),
      routes: v.optional(
        v.array(
          v.strictObject({
            destination: v.pipe(v.string(), v.description("CIDR form; a default route is 0.0.0.0/0 or ::/0")),
            gateway: v.nullable(v.string()),
            interface: v.string(),
            metric: count,
          }),
        ),
      ),
      nameservers: v.optional(v.array(v.string())),
      search: v.optional(v.array(v.string())),
    }),
  examples: [{ query: "interfaces" }, { query: "connections", limit: 20 }, { query: "dns" }],
  phrases: [
    "what is the ip address of this machine",
    "show network interfaces",
    "which network connections are open",
    "what is the default gateway and route",
    "which dns servers are used",
    "which ports are open or listening",
  ],
  async handler({ machine }, { query, limit }) {
    switch (query) {
      case "interfaces":
        return {
          query,
          interfaces: (await machine.interfaces()).map((each) => ({ ...each, addresses: [...each.addresses] })),
        };
      case "connections": {
        const connections = await machine.connections();
        return { query, total: connections.length, connections: connections.slice(0, limit) };
      }
      case "ports": {
        const ports = await machine.listeners();
        return { query, total: ports.length, ports: ports.slice(0, limit) };
      }
      case "routes":
        return { query, routes: [...(await machine.routes())] };
      case "dns": {
        const { nameservers, search } = await machine.dns();
        return { query, nameservers: [...nameservers], search: [...search] };
      }
    }
  },
});
