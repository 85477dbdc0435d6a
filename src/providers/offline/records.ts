/** Answers about files, time and Reeve's own records. Each is undefined when its fields are not there. */
import type { Details } from "./extract.ts";
import { isJsonObject, type Json } from "../../core/canonical.ts";
import {
  byteText,
  fence,
  type JsonObject,
  keyValues,
  line,
  momentText,
  numberAt,
  objectAt,
  objectsAt,
  plural,
  table,
  textAt,
} from "./format.ts";

const mostRows = 50;

export function timeText(output: JsonObject): string | undefined {
  const utc = textAt(output, "rfc3339");
  if (utc === undefined) return undefined;
  const zone = textAt(output, "timezone") ?? "UTC";
  const weekday = textAt(output, "weekday");
  const day = weekday === undefined ? "" : `${weekday}, `;
  const local = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(.*)$/u.exec(textAt(output, "local") ?? "");
  if (zone === "UTC" || !local) return line(`It is ${day}${momentText(utc)}.`);
  return line(`In ${zone} it is ${day}${local[1]} ${local[2]} (UTC${local[3]}); that is ${momentText(utc)}.`);
}

/** `input` is what was asked of fs.list. */
export function listText(output: JsonObject, details: Details, input: Json): string | undefined {
  const entries = objectsAt(output, "entries");
  if (!entries) return undefined;
  const path = textAt(output, "path") ?? ".";
  const where = path === "." ? "here" : `in ${line(path)}`;
  const asked = isJsonObject(input) ? input : {};
  const filtered = asked["recursive"] === true || asked["extensions"] !== undefined;
  const noun = asked["source_only"] === true ? "source file" : filtered ? "file" : "entry";
  if (entries.length === 0) return `There are no ${many(noun)} ${where}.`;
  const shown = entries.slice(0, Math.max(details.count ?? 0, mostRows));
  const dated = asked["sort"] === "modified";
  const order = asked["sort"] === "size" ? "largest " : dated ? "newest " : "";
  const intro =
    shown.length === 1 ? `The ${order}${noun} ${where}` : `The ${shown.length} ${order}${many(noun)} ${where}`;
  const total = numberAt(output, "total") ?? entries.length;
  const of = total > shown.length ? ` (of ${total})` : "";
  const columns = [{ title: noun === "entry" ? "name" : "file" }, { title: "size", right: true }];
  const rows = shown.map((each) => entryCells(each, dated));
  return `${intro}${of}:\n\n${table(dated ? [...columns, { title: "modified" }] : columns, rows)}`;
}

function entryCells(entry: JsonObject, dated: boolean): readonly string[] {
  const isFolder = textAt(entry, "type") === "dir";
  const name = textAt(entry, "path") ?? textAt(entry, "name") ?? "";
  const modified_ms = numberAt(entry, "modified_ms");
  const size = isFolder ? "" : byteText(numberAt(entry, "size") ?? 0);
  const moment = modified_ms === undefined ? "" : momentText(new Date(modified_ms).toISOString());
  return [isFolder ? `${name.replace(/\/$/u, "")}/` : name, size, ...(dated ? [moment] : [])];
}

function many(noun: string): string {
  return plural(2, noun).slice(2);
}

/** More lines of a file than this are left out of an answer. */
const mostLines = 200;

export function fileText(output: JsonObject): string | undefined {
  const content = textAt(output, "content");
  if (content === undefined) return undefined;
  const path = line(textAt(output, "path") ?? "the file");
  const size = numberAt(output, "size") ?? 0;
  if (content === "") return size === 0 ? `${path} is empty.` : `${path} has no such lines.`;
  const all = content.replace(/\n$/u, "").split("\n");
  const shown = all.slice(0, mostLines);
  const goesOn = output["truncated"] === true || all.length > mostLines;
  const rest = goesOn
    ? `\n\nThe file goes on after ${shown.length === 1 ? "this line" : `these ${shown.length} lines`}.`
    : "";
  return `${path} (${byteText(size)}):\n\n${fence(shown.join("\n"))}${rest}`;
}

/** `input` is what was asked of code.search. */
export function searchText(output: JsonObject, input: Json, pattern: string | undefined): string | undefined {
  const matches = objectsAt(output, "matches");
  if (!matches) return undefined;
  const asked = isJsonObject(input) ? input : {};
  const wanted = `"${line(pattern ?? textAt(asked, "pattern") ?? "")}"`;
  const path = textAt(asked, "path");
  const where = path === undefined || path === "." ? "" : ` in ${line(path)}`;
  const bound = textAt(output, "truncated");
  const early =
    bound === undefined ? "" : `\n\nThe search ended early, at its bound of ${line(bound)}: there may be more.`;
  if (matches.length === 0) return `Nothing matches ${wanted}${where}.${early}`;
  const shown = matches.slice(0, mostRows);
  const files = new Set(matches.map((each) => textAt(each, "path") ?? "")).size;
  const listed = shown.map(
    (each) =>
      `${line(textAt(each, "path") ?? "")}:${numberAt(each, "line") ?? "?"}: ${line((textAt(each, "text") ?? "").trim())}`,
  );
  const more = matches.length > shown.length ? `\n\n… and ${matches.length - shown.length} more.` : "";
  return `${plural(matches.length, "match")} for ${wanted}${where} in ${plural(files, "file")}:\n\n${fence(listed.join("\n"))}${more}${early}`;
}

export function configText(output: JsonObject): string | undefined {
  const field = textAt(output, "field");
  if (field !== undefined && output["value"] !== undefined) {
    const value = output["value"];
    return isJsonObject(value)
      ? `${line(field)}:\n\n${keyValues(value)}`
      : line(`${field} is ${JSON.stringify(value)}.`);
  }
  const config = objectAt(output, "config");
  return config && `The configuration, without secrets:\n\n${keyValues(config)}`;
}

export function policyText(output: JsonObject): string | undefined {
  const grants = objectsAt(output, "grants");
  if (!grants) return undefined;
  if (grants.length === 0) return "No capability is granted: everything is denied.";
  const rows = grants.slice(0, mostRows).map((grant) => {
    const provenance = objectAt(grant, "provenance");
    const from = provenance ? `${textAt(provenance, "by") ?? "?"} via ${textAt(provenance, "via") ?? "?"}` : "";
    return [
      textAt(grant, "principal") ?? "",
      textAt(grant, "capability") ?? "",
      momentText(textAt(grant, "expires_at") ?? "never"),
      from,
    ];
  });
  const total = numberAt(output, "total") ?? grants.length;
  const columns = [{ title: "principal" }, { title: "capability" }, { title: "expires" }, { title: "granted by" }];
  return `${plural(total, "grant")}; what is not granted is denied:\n\n${table(columns, rows)}`;
}

export function runsText(output: JsonObject): string | undefined {
  const runs = objectsAt(output, "runs");
  if (!runs) return undefined;
  if (runs.length === 0) return "There are no such runs.";
  const rows = runs
    .slice(0, mostRows)
    .map((run) => [
      textAt(run, "id") ?? "",
      textAt(run, "state") ?? "",
      textAt(run, "principal") ?? "",
      momentText(textAt(run, "created_at") ?? ""),
      String(numberAt(run, "tool_calls") ?? ""),
      textAt(run, "fault") ?? "",
    ]);
  const total = numberAt(output, "total") ?? runs.length;
  const columns = [
    { title: "run" },
    { title: "state" },
    { title: "by" },
    { title: "began" },
    { title: "calls", right: true },
    { title: "fault" },
  ];
  return `${total > rows.length ? `The newest ${rows.length} of ${plural(total, "run")}` : plural(total, "run")}:\n\n${table(columns, rows)}`;
}

export function runText(output: JsonObject): string | undefined {
  if (output["found"] === false) return line(`There is no run ${textAt(output, "run_id") ?? "with that id"}.`);
  const run = objectAt(output, "run");
  return run && `Run ${line(textAt(run, "id") ?? "")}:\n\n${keyValues(run)}`;
}

export function metricsText(output: JsonObject): string | undefined {
  const states = objectAt(output, "states");
  const tools = objectsAt(output, "tools");
  if (!states || !tools) return undefined;
  const counts = Object.entries(states).flatMap(([state, count]) =>
    typeof count === "number" && count > 0 ? [`${count} ${state}`] : [],
  );
  const total = numberAt(output, "runs_total") ?? 0;
  const rows = tools
    .slice(0, mostRows)
    .map((each) => [
      textAt(each, "tool") ?? "",
      String(numberAt(each, "calls") ?? ""),
      String(numberAt(each, "errors") ?? ""),
      milliseconds(numberAt(each, "average_ms")),
      milliseconds(numberAt(each, "max_ms")),
    ]);
  const columns = [
    { title: "tool" },
    ...["calls", "errors", "average", "longest"].map((title) => ({ title, right: true })),
  ];
  const head = line(`${plural(total, "run")}${counts.length ? `: ${counts.join(", ")}` : ""}.`);
  return rows.length > 0 ? `${head}\n\n${table(columns, rows)}` : head;
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? "" : `${value.toFixed(1)} ms`;
}

export function secretsText(output: JsonObject): string | undefined {
  const secrets = objectsAt(output, "secrets");
  if (!secrets) return undefined;
  if (secrets.length === 0) return "No secrets are stored.";
  const rows = secrets.map((each) => [
    textAt(each, "name") ?? "",
    String(numberAt(each, "version") ?? ""),
    momentText(textAt(each, "created_at") ?? ""),
  ]);
  const columns = [{ title: "secret" }, { title: "version", right: true }, { title: "stored" }];
  return `${plural(secrets.length, "secret")}, names only:\n\n${table(columns, rows)}`;
}
