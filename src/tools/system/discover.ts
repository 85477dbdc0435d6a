/** system.discover: what listens on this machine, and which known service it seems to be. */
import * as v from "valibot";
import { integer } from "../../core/schema.ts";
import type { ListenerFacts } from "../../define/handles.ts";
import { defineTool } from "../../define/tool.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const discover = defineTool({
  name: "system.discover",
  aliases: ["system_discover"],
  summary: "Find the services that listen on TCP and UDP ports, with their process, systemd unit, memory and CPU.",
  capability: "system.read",
  effect: "read",
  needs: ["machine"],
  input: () => v.strictObject({ limit: v.optional(integer(1, 500), 100) }),
  output: () =>
    v.strictObject({
      found: v.array(
        v.strictObject({
          name: v.pipe(v.nullable(v.string()), v.description("the process, null when it may not be seen")),
          pid: v.nullable(v.pipe(v.number(), v.integer())),
          protocol: v.picklist(["tcp", "tcp6", "udp", "udp6"]),
          address: v.string(),
          port: v.pipe(v.number(), v.integer()),
          detected_as: v.pipe(v.nullable(v.string()), v.description("the kind of service")),
          detected_by: v.pipe(
            v.nullable(v.picklist(["process", "port"])),
            v.description("by port alone it is a guess"),
          ),
          health_url: v.nullable(v.string()),
          systemd_unit: v.nullable(v.string()),
          memory_bytes: v.nullable(count),
          cpu_percent: v.nullable(v.number()),
        }),
      ),
      total: v.pipe(count, v.description("sockets found, before the limit")),
      total_listening_ports: v.pipe(count, v.description("distinct ports, TCP and UDP apart")),
      owner_unknown: v.pipe(count, v.description("sockets whose process this user may not see")),
      total_systemd_services: v.pipe(
        v.nullable(count),
        v.description("running ones; null when systemd does not run here"),
      ),
    }),
  examples: [{}, { limit: 20 }],
  phrases: [
    "which services are running on this machine",
    "what is listening on which port",
    "is a web server or database running here",
    "discover services",
    "which systemd services run",
  ],
  async handler({ machine }, { limit }) {
    const [listeners, processes, units] = await Promise.all([
      machine.listeners(),
      machine.processes(),
      machine.units(),
    ]);
    const byPid = new Map(processes.map((process) => [process.pid, process]));
    const sockets = distinct(listeners);
    const found = sockets.slice(0, limit).map((socket) => {
      const owner = socket.pid === null ? undefined : byPid.get(socket.pid);
      return {
        name: socket.process,
        pid: socket.pid,
        protocol: socket.protocol,
        address: socket.address,
        port: socket.port,
        ...detect(socket),
        systemd_unit: owner?.unit ?? null,
        memory_bytes: owner?.memory_bytes ?? null,
        cpu_percent: owner?.cpu_percent ?? null,
      };
    });
    return {
      found,
      total: sockets.length,
      total_listening_ports: new Set(sockets.map(({ protocol, port }) => `${transport(protocol)} ${port}`)).size,
      owner_unknown: sockets.filter(({ pid }) => pid === null).length,
      total_systemd_services: units.available ? units.active.filter((unit) => unit.endsWith(".service")).length : null,
    };
  },
});

interface Kind {
  readonly kind: string;
  /** Process names, as the kernel cuts them after 15 bytes. */
  readonly processes: RegExp;
  readonly ports: readonly string[];
  /** What a health check asks for over plain HTTP. */
  readonly health?: string;
}

const kinds: readonly Kind[] = [
  { kind: "ssh", processes: /^(?:sshd.*|dropbear)$/, ports: ["tcp 22"] },
  { kind: "nginx", processes: /^nginx$/, ports: [], health: "/" },
  { kind: "apache", processes: /^(?:apache2|httpd)$/, ports: [], health: "/" },
  { kind: "caddy", processes: /^caddy$/, ports: ["tcp 2019"], health: "/" },
  { kind: "haproxy", processes: /^haproxy$/, ports: [] },
  { kind: "postgresql", processes: /^postgres.*$/, ports: ["tcp 5432"] },
  { kind: "mysql", processes: /^(?:mysqld|mariadbd)$/, ports: ["tcp 3306"] },
  { kind: "redis", processes: /^(?:redis-server|valkey-server)$/, ports: ["tcp 6379"] },
  { kind: "memcached", processes: /^memcached$/, ports: ["tcp 11211"] },
  { kind: "mongodb", processes: /^mongod$/, ports: ["tcp 27017"] },
  { kind: "elasticsearch", processes: /^elasticsearch$/, ports: ["tcp 9200"], health: "/_cluster/health" },
  { kind: "rabbitmq", processes: /^(?:rabbitmq-server)$/, ports: ["tcp 5672"] },
  { kind: "prometheus", processes: /^prometheus$/, ports: ["tcp 9090"], health: "/-/healthy" },
  { kind: "node exporter", processes: /^(?:prometheus-node|node_exporter)/, ports: ["tcp 9100"], health: "/metrics" },
  { kind: "grafana", processes: /^grafana.*$/, ports: [], health: "/api/health" },
  { kind: "docker", processes: /^(?:dockerd|docker-proxy)$/, ports: ["tcp 2375", "tcp 2376"] },
  { kind: "kubernetes", processes: /^(?:kubelet|kube-apiserver|k3s-server)$/, ports: ["tcp 6443", "tcp 10250"] },
  {
    kind: "dns",
    processes: /^(?:named|unbound|dnsmasq|systemd-resolve|coredns|pihole-FTL)$/,
    ports: ["tcp 53", "udp 53"],
  },
  { kind: "dhcp", processes: /^(?:dhcpd|dhclient|dhcpcd|systemd-network)$/, ports: ["udp 67", "udp 68", "udp 546"] },
  { kind: "ntp", processes: /^(?:chronyd|ntpd|systemd-timesyn)$/, ports: ["udp 123"] },
  { kind: "mdns", processes: /^avahi-daemon$/, ports: ["udp 5353"] },
  {
    kind: "mail",
    processes: /^(?:master|exim4|dovecot|opensmtpd)$/,
    ports: ["tcp 25", "tcp 143", "tcp 587", "tcp 993"],
  },
  { kind: "printing", processes: /^(?:cupsd|cups-browsed)$/, ports: ["tcp 631", "udp 631"] },
  { kind: "file sharing", processes: /^(?:smbd|nmbd|rpc\.nfsd|nfsd)$/, ports: ["tcp 445", "tcp 2049"] },
  { kind: "rpcbind", processes: /^rpcbind$/, ports: ["tcp 111", "udp 111"] },
  { kind: "mqtt", processes: /^mosquitto$/, ports: ["tcp 1883", "tcp 8883"] },
  { kind: "wireguard", processes: /^wg-/, ports: ["udp 51820"] },
  { kind: "tailscale", processes: /^tailscaled$/, ports: ["udp 41641"] },
  { kind: "ollama", processes: /^ollama$/, ports: ["tcp 11434"], health: "/api/version" },
  { kind: "http", processes: /^(?:lighttpd|traefik|h2o)$/, ports: ["tcp 80", "tcp 8080"], health: "/" },
  { kind: "https", processes: /^(?:stunnel4|hitch)$/, ports: ["tcp 443", "tcp 8443"] },
];

interface Detection {
  readonly detected_as: string | null;
  readonly detected_by: "process" | "port" | null;
  readonly health_url: string | null;
}

function detect(socket: ListenerFacts): Detection {
  const name = socket.process;
  const place = `${transport(socket.protocol)} ${socket.port}`;
  const named = name === null ? undefined : kinds.find((each) => each.processes.test(name));
  const kind = named ?? kinds.find((each) => each.ports.includes(place));
  if (!kind) return { detected_as: null, detected_by: null, health_url: null };
  const asks = kind.health !== undefined && transport(socket.protocol) === "tcp" && socket.port !== 443;
  return {
    detected_as: kind.kind,
    detected_by: named ? "process" : "port",
    health_url: asks ? `http://${reachable(socket.address)}:${socket.port}${kind.health}` : null,
  };
}

/** An address to connect to from this machine. */
function reachable(address: string): string {
  if (address === "0.0.0.0" || address === "::") return address === "::" ? "[::1]" : "127.0.0.1";
  return address.includes(":") ? `[${address}]` : address;
}

function transport(protocol: ListenerFacts["protocol"]): "tcp" | "udp" {
  return protocol.startsWith("tcp") ? "tcp" : "udp";
}

/** By port; the sockets of one process on one address, as a server has one per worker, are one. */
function distinct(listeners: readonly ListenerFacts[]): readonly ListenerFacts[] {
  const byKey = new Map(listeners.map((each) => [`${each.protocol} ${each.address} ${each.port} ${each.pid}`, each]));
  return [...byKey.values()].sort((a, b) => a.port - b.port || a.protocol.localeCompare(b.protocol));
}
