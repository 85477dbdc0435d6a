/** Settings of the earlier system: which still mean something, which have no effect and why, which are refused. */
import type { Json } from "../core/canonical.ts";
import { broadSuffix } from "../core/hostname.ts";

/** What becomes of a setting of the earlier system. */
type Earlier = { readonly to: string } | { readonly without_effect: string };

const byNetwork = "policy grants requests one by one, as http.request:METHOD HOST:PORT";
const byCommand = "policy grants commands one by one, as shell.exec:COMMAND";
const bySandbox = "isolation follows from the ring and is not a setting";
const noServer = "this version serves no network interface";
const noJobs = "this version schedules no jobs";
const noChannel = "this version has no messaging channels";
const byCall = "a deadline belongs to a call: engine.tool_timeout_ms";
const fixedPlace = "the vault is always in .reeve/vault";

const table: ReadonlyMap<string, Earlier> = new Map<string, Earlier>([
  ["chat.default_agent_id", { to: "agent.default" }],
  ...names("network", byNetwork, "enabled allowed_domains allow_localhosts"),
  ...names("shell", byCommand, "enable_exec allowed_commands default_timeout_ms max_timeout_ms"),
  ...names("sandbox", bySandbox, "active provider"),
  ...names("server", noServer, "bind_address port tls_enabled tls_cert_file tls_key_file dashboard_enabled"),
  ...names("engine", byCall, "default_run_timeout_ms max_run_timeout_ms"),
  ...names("scheduler", noJobs, "catch_up max_concurrent_jobs"),
  ["model.max_tokens", { to: "model.max_output_tokens" }],
  ...names("chat", noChannel, "enabled allow_users allow_rooms rate_limit_per_min global_rate_limit_per_min"),
  ...names("discord", noChannel, "enabled token token_env default_agent_id allow_guilds allow_channels allow_users"),
  ...names("discord", noChannel, "command_prefix rate_limit_per_min"),
  ...names("secrets", fixedPlace, "store_file master_key_file"),
]);

function names(section: string, without_effect: string, keys: string): readonly (readonly [string, Earlier])[] {
  return keys.split(" ").map((key) => [`${section}.${key}`, { without_effect }] as const);
}

const earlierNames: readonly string[] = [...table.keys()];

/** What becomes of the setting with this dotted name; undefined when the earlier system had none such. */
export function earlierSetting(field: string): Earlier | undefined {
  return table.get(field);
}

/** Whether the name is that of a group of earlier settings, such as `providers.openai`. */
export function isEarlierSection(name: string): boolean {
  return earlierNames.some((each) => each.startsWith(`${name}.`));
}

/** Why a value must not stand even where it has no effect: it says that the operator wants something Reeve never gives. */
export function danger(field: string, value: Json): string | undefined {
  if (field === "shell.allowed_commands" && listOf(value).some((each) => each.trim() === "*")) {
    return '"*" admits every command';
  }
  if (field !== "network.allowed_domains") return undefined;
  const broad = listOf(value).map((each) =>
    each
      .trim()
      .toLowerCase()
      .replace(/^\*?\.|\.$/g, ""),
  );
  for (const suffix of broad) {
    const why =
      suffix === "*" || suffix === "" ? "every host" : suffix === "localhost" ? undefined : broadSuffix(suffix);
    if (why) return `${JSON.stringify(suffix)} admits ${why}`;
  }
  return undefined;
}

function listOf(value: Json): readonly string[] {
  const items: readonly Json[] = Array.isArray(value) ? value : [value];
  return items.filter((each): each is string => typeof each === "string");
}

const secretKey =
  /(?:^|[_-])(?:(?:api|access|auth|private|secret|subscription)[_-]?key|token|password|passphrase|secret|credentials?|auth|authorization|cookie)$/i;
const reference = /^\{\{secret:[^{}]+\}\}$/;

/** Whether what stands under this dotted name would be a secret. */
export function isSecretName(field: string): boolean {
  return secretKey.test(field.split(".").at(-1) ?? "");
}

/** Whether a value is `{{secret:NAME}}` and nothing else. */
export function isReference(value: Json): boolean {
  return typeof value === "string" && reference.test(value);
}

/** The vault name for a literal that looks like a secret, or undefined when the value is none: empty, or a reference. */
export function secretName(field: string, value: Json): string | undefined {
  const keys = field.split(".");
  const key = keys.at(-1) ?? "";
  if (typeof value !== "string" || value.trim() === "" || reference.test(value) || !isSecretName(field))
    return undefined;
  if (keys[0] === "providers" && keys[1]) return `provider/${keys[1]}/${key.toLowerCase()}`;
  return keys[0] === "discord" ? `channel/${keys.join("/")}` : keys.join("/");
}
