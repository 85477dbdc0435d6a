/** Takes the key of a provider, and the values of its headers, out of whatever a provider tells about itself. */
import type { Endpoint } from "../../define/provider.ts";

/** Shorter values are words, not secrets. */
const shortestSecret = 6;

/** The same record, with `[key]` in place of each of the endpoint's secrets in any text of it. */
export function withoutKeys<T>(record: T, endpoint: Endpoint | null): T {
  const secrets = [endpoint?.key, ...Object.values(endpoint?.headers ?? {})]
    .filter((each): each is string => typeof each === "string" && each.length >= shortestSecret)
    .sort((a, b) => b.length - a.length);
  return secrets.length === 0 ? record : (cleaned(record, secrets) as T);
}

function cleaned(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === "string") return secrets.reduce((text, secret) => text.replaceAll(secret, "[key]"), value);
  if (Array.isArray(value)) return value.map((each) => cleaned(each, secrets));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, cleaned(each, secrets)]));
}
