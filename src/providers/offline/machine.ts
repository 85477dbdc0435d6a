/** Answers about the machine: health, processes, disks, services and the network. Each is undefined when its fields are not there. */
import type { Details } from "./extract.ts";
import {
  byteText,
  durationText,
  type JsonObject,
  line,
  momentText,
  numberAt,
  objectAt,
  objectsAt,
  percentText,
  plural,
  table,
  textAt,
  textsAt,
} from "./format.ts";

const verdicts: Readonly<Record<string, string>> = {
  ok: "This machine is healthy",
  warning: "This machine works, but needs attention",
  critical: "This machine is in trouble",
};

/** A paragraph: verdict, concerns, what it is, CPU, memory, disks and uptime. */
export function healthText(output: JsonObject): string | undefined {
  const status = textAt(output, "status");
  if (status === undefined) return undefined;
  const concerns = textsAt(output, "concerns").map(line);
  const verdict = `${verdicts[status] ?? `This machine reports "${line(status)}"`}${concerns.length ? `: ${concerns.join("; ")}` : ""}.`;
  const sentences = [verdict, identity(output), cpu(output), memory(output), disks(output), pressure(output)];
  return sentences.filter((each) => each !== undefined).join(" ");
}

function identity(output: JsonObject): string | undefined {
  const host = textAt(output, "hostname");
  if (host === undefined) return undefined;
  const kernel = textAt(output, "kernel");
  const facts = [
    textAt(output, "os"),
    kernel === undefined ? undefined : `kernel ${kernel}`,
    textAt(output, "architecture"),
  ];
  const described = facts.filter((fact) => fact !== undefined && fact !== "").join(", ");
  const up = numberAt(output, "uptime_s");
  return line(
    `${host}${described ? ` (${described})` : ""}${up === undefined ? "." : ` has been up for ${durationText(up)}.`}`,
  );
}

function cpu(output: JsonObject): string | undefined {
  const cores = Array.isArray(output["cpu_percent"])
    ? output["cpu_percent"].filter((each) => typeof each === "number")
    : [];
  const count = numberAt(output, "cpu_count") ?? cores.length;
  if (count === 0) return undefined;
  const average =
    numberAt(output, "cpu_percent_total") ?? cores.reduce((sum, each) => sum + each, 0) / Math.max(1, cores.length);
  const load = objectAt(output, "load_average");
  const loads = load
    ? ["one", "five", "fifteen"].map((span) => numberAt(load, span)?.toFixed(2) ?? "?").join(", ")
    : undefined;
  return `CPU: ${percentText(average)} busy across ${plural(count, "core")}${loads ? `, load ${loads} (1, 5, 15 minutes)` : ""}.`;
}

function memory(output: JsonObject): string | undefined {
  const total = numberAt(output, "memory_total");
  const available = numberAt(output, "memory_available");
  if (total === undefined || available === undefined || total === 0) return undefined;
  const used = numberAt(output, "memory_used") ?? total - available;
  const swapTotal = numberAt(output, "swap_total") ?? 0;
  const swapUsed = numberAt(output, "swap_used") ?? swapTotal - (numberAt(output, "swap_free") ?? swapTotal);
  const swap = swapTotal > 0 ? `swap ${byteText(swapUsed)} of ${byteText(swapTotal)} used` : "no swap";
  const limit = objectAt(output, "memory_limit");
  const bound = limit && numberAt(limit, "limit");
  const capped = bound ? `, limited to ${byteText(bound)} here` : "";
  return `Memory: ${byteText(used)} of ${byteText(total)} used (${percentText((used / total) * 100)}), ${byteText(available)} available${capped}; ${swap}.`;
}

function disks(output: JsonObject): string | undefined {
  const all = (objectsAt(output, "disks") ?? []).filter((disk) => (numberAt(disk, "total") ?? 0) > 0);
  if (all.length === 0) return undefined;
  const fullest = [...all].sort((a, b) => usedPercent(b) - usedPercent(a));
  const shown = fullest.slice(0, 3).map((disk) => {
    const free = byteText(numberAt(disk, "available") ?? 0);
    return line(
      `${textAt(disk, "mount_point") ?? "?"} is ${percentText(usedPercent(disk))} full (${free} free of ${byteText(numberAt(disk, "total") ?? 0)})`,
    );
  });
  return `Disk: ${shown.join(", ")}${all.length > 3 ? `, and ${all.length - 3} more less full` : ""}.`;
}

/** What of a disk its users cannot use any more, as `df` counts it. */
function usedPercent(disk: JsonObject): number {
  const total = numberAt(disk, "total") ?? 0;
  const available = numberAt(disk, "available") ?? 0;
  const used = numberAt(disk, "used") ?? total - available;
  return used + available > 0 ? (used / (used + available)) * 100 : 0;
}

function pressure(output: JsonObject): string | undefined {
  const facts = objectAt(output, "pressure");
  if (!facts) return undefined;
  const parts = ["cpu", "memory", "io"].flatMap((name) => {
    const value = numberAt(facts, name);
    return value === undefined || value < 1 ? [] : [`${name} ${percentText(value)}`];
  });
  return parts.length > 0 ? `Time stalled waiting: ${parts.join(", ")}.` : undefined;
}

export function queryText(output: JsonObject, details: Details): string | undefined {
  const processes = objectsAt(output, "processes");
  if (processes) return processText(processes, output, details);
  const found = objectsAt(output, "disks");
  if (found) return diskTable(found);
  const host = textAt(output, "hostname");
  if (host !== undefined) {
    const rest = [textAt(output, "os"), textAt(output, "kernel")]
      .filter((each) => each !== undefined)
      .join(", kernel ");
    return line(`The host name of this machine is ${host}${rest ? ` (${rest})` : ""}.`);
  }
  const up = numberAt(output, "uptime_s");
  if (up !== undefined) {
    const booted = textAt(output, "booted_at");
    return `This machine has been up for ${durationText(up)}${booted ? `, since ${line(momentText(booted))}` : ""}.`;
  }
  return memory(output) ?? cpu(output);
}

function processText(processes: readonly JsonObject[], output: JsonObject, details: Details): string {
  const [name] = details.names;
  if (processes.length === 0)
    return name ? `No process named like "${line(name)}" is running.` : "No processes were found.";
  const shown = processes.slice(0, details.count ?? 10);
  const total = numberAt(output, "total") ?? processes.length;
  const rows = shown.map((each) => [
    String(numberAt(each, "pid") ?? ""),
    textAt(each, "name") ?? "",
    percentText(numberAt(each, "cpu_percent") ?? 0),
    byteText(numberAt(each, "memory_bytes") ?? 0),
    textAt(each, "state") ?? "",
  ]);
  const columns = [
    { title: "pid", right: true },
    { title: "process" },
    { title: "cpu", right: true },
    { title: "memory", right: true },
    { title: "state" },
  ];
  const intro = name
    ? `${plural(total, "process")} named like "${line(name)}":`
    : `${shown.length} of ${plural(total, "process")}:`;
  return `${intro}\n\n${table(columns, rows)}`;
}

function diskTable(found: readonly JsonObject[]): string {
  if (found.length === 0) return "No disks were found.";
  const rows = found.map((disk) => {
    const known = (numberAt(disk, "total") ?? 0) > 0;
    const problem = textAt(disk, "problem");
    return [
      textAt(disk, "mount_point") ?? "",
      known ? byteText(numberAt(disk, "total") ?? 0) : "?",
      known ? byteText(numberAt(disk, "available") ?? 0) : "?",
      known ? percentText(usedPercent(disk)) : "?",
      problem ?? textAt(disk, "file_system") ?? "",
    ];
  });
  const columns = [
    { title: "disk" },
    { title: "size", right: true },
    { title: "free", right: true },
    { title: "used", right: true },
    { title: "file system" },
  ];
  return `Disk space:\n\n${table(columns, rows)}`;
}

export function servicesText(output: JsonObject, details: Details): string | undefined {
  const found = objectsAt(output, "found");
  if (!found) return undefined;
  const [port] = details.ports;
  const wanted = port === undefined ? found : found.filter((each) => numberAt(each, "port") === port);
  if (wanted.length === 0)
    return port === undefined ? "Nothing listens on a port of this machine." : `Nothing listens on port ${port}.`;
  const rows = wanted.map((each) => [
    String(numberAt(each, "port") ?? ""),
    textAt(each, "protocol") ?? "",
    textAt(each, "address") ?? "",
    textAt(each, "name") ?? "unknown",
    detected(each),
    textAt(each, "systemd_unit") ?? "",
  ]);
  const columns = [
    { title: "port", right: true },
    { title: "protocol" },
    { title: "address" },
    { title: "process" },
    { title: "service" },
    { title: "unit" },
  ];
  const unknown = numberAt(output, "owner_unknown") ?? 0;
  const note = unknown > 0 ? `\n\nThe process behind ${plural(unknown, "socket")} may not be seen by this user.` : "";
  const systemd = numberAt(output, "total_systemd_services");
  return `${plural(wanted.length, "listening socket")}${systemd === undefined ? "" : `, ${plural(systemd, "systemd service")} running`}:\n\n${table(columns, rows)}${note}`;
}

function detected(each: JsonObject): string {
  const kind = textAt(each, "detected_as");
  if (kind === undefined) return "";
  return textAt(each, "detected_by") === "port" ? `${kind}?` : kind;
}

export function networkText(output: JsonObject, details: Details): string | undefined {
  const interfaces = objectsAt(output, "interfaces");
  if (interfaces) {
    const rows = interfaces.map((each) => [
      textAt(each, "name") ?? "",
      each["up"] === true ? "up" : "down",
      textsAt(each, "addresses").join(", "),
      textAt(each, "mac") ?? "",
      byteText(numberAt(each, "received_bytes") ?? 0),
      byteText(numberAt(each, "sent_bytes") ?? 0),
    ]);
    const columns = [
      { title: "interface" },
      { title: "state" },
      { title: "addresses" },
      { title: "mac" },
      { title: "received", right: true },
      { title: "sent", right: true },
    ];
    return rows.length === 0
      ? "There are no network interfaces."
      : `${plural(rows.length, "network interface")}:\n\n${table(columns, rows)}`;
  }
  const routes = objectsAt(output, "routes");
  if (routes) {
    const rows = routes.map((each) => [
      textAt(each, "destination") ?? "",
      textAt(each, "gateway") ?? "direct",
      textAt(each, "interface") ?? "",
      String(numberAt(each, "metric") ?? ""),
    ]);
    const columns = [
      { title: "destination" },
      { title: "gateway" },
      { title: "interface" },
      { title: "metric", right: true },
    ];
    return rows.length === 0 ? "There are no routes." : `${plural(rows.length, "route")}:\n\n${table(columns, rows)}`;
  }
  if (Array.isArray(output["nameservers"])) {
    const search = textsAt(output, "search").map(line);
    const servers = textsAt(output, "nameservers").map(line);
    return `DNS servers: ${servers.join(", ") || "none"}.${search.length ? ` Search domains: ${search.join(", ")}.` : ""}`;
  }
  return socketsText(output, details);
}

function socketsText(output: JsonObject, details: Details): string | undefined {
  const listening = objectsAt(output, "ports") ?? objectsAt(output, "listeners");
  const found = listening ?? objectsAt(output, "connections");
  if (!found) return undefined;
  const [port] = details.ports;
  const wanted =
    port === undefined
      ? found
      : found.filter((each) => numberAt(each, "port") === port || numberAt(each, "remote_port") === port);
  const noun = listening ? "listening port" : "connection";
  if (wanted.length === 0) {
    if (port !== undefined)
      return listening ? `Nothing listens on port ${port}.` : `There is no connection on port ${port}.`;
    return `There are no ${noun}s.`;
  }
  const rows = wanted.map((each) => [
    textAt(each, "protocol") ?? "",
    `${textAt(each, "address") ?? ""}:${numberAt(each, "port") ?? ""}`,
    ...(listening
      ? []
      : [
          `${textAt(each, "remote_address") ?? ""}:${numberAt(each, "remote_port") ?? ""}`,
          textAt(each, "state") ?? "",
        ]),
    textAt(each, "process") ?? "unknown",
    String(numberAt(each, "pid") ?? ""),
  ]);
  const remote = listening ? [] : [{ title: "remote" }, { title: "state" }];
  const columns = [
    { title: "protocol" },
    { title: "address" },
    ...remote,
    { title: "process" },
    { title: "pid", right: true },
  ];
  const total = port === undefined ? (numberAt(output, "total") ?? wanted.length) : wanted.length;
  return `${plural(total, noun)}${total > wanted.length ? `, the first ${wanted.length}` : ""}:\n\n${table(columns, rows)}`;
}
