/** What goes wrong in the middle of an answer of the Messages interface, as an event of the right kind. */
import { isJsonObject, type Json } from "../../core/canonical.ts";
import type { FailureKind } from "../../define/provider.ts";
import { failed, type Failed, quoted } from "../wire/failure.ts";

export const who = "anthropic";

/** `error` is that of an `error` event. */
export function streamFailed(error: Json | undefined): Failed {
  const type = isJsonObject(error) && typeof error["type"] === "string" ? error["type"] : "";
  const words = isJsonObject(error) && typeof error["message"] === "string" ? quoted(error["message"]) : "";
  const isTooLong = /prompt is too long|context (?:window|length|limit)/i.test(words);
  const kind = type === "invalid_request_error" && isTooLong ? "context_length" : (kinds[type] ?? "unavailable");
  return failed(who, kind, `${who} broke off its answer${words === "" ? "" : `: ${words}`}`, { type: quoted(type) });
}

/** The types of errors the interface knows, where they do not mean `unavailable`. */
const kinds: Readonly<Record<string, FailureKind>> = {
  rate_limit_error: "rate_limited",
  authentication_error: "unauthenticated",
  permission_error: "unauthenticated",
  invalid_request_error: "rejected",
  not_found_error: "rejected",
  billing_error: "rejected",
  request_too_large: "context_length",
};
