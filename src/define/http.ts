/** What a tool may ask of the web, and what it gets. */
import type { Json } from "../core/canonical.ts";

export interface HttpRequest {
  /** In capital letters. */
  readonly method: string;
  readonly url: string;
  /** Values may refer to secrets as `{{secret:name}}`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Text is sent as it is, any other value as JSON; strings in it may refer to secrets. */
  readonly body: Json | undefined;
  readonly timeout_ms: number;
  readonly max_response_bytes: number;
}

export interface HttpAnswer {
  /** The address that answered, after redirects. */
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** `withheld`: bytes that are no text and hold a secret. */
  readonly encoding: "text" | "base64" | "withheld";
  /** Bytes of the body as far as it was read, unpacked. */
  readonly bytes: number;
  readonly truncated: boolean;
  /** Status and address of each redirect that was followed. */
  readonly redirects: readonly string[];
}

export interface HttpHandle {
  /**
   * One request to where the call's decision allows, redirects included, never by a proxy. Throws `permission_denied` for
   * places policy or vetting refuse and for a secret that is not bound to the host, `invalid_argument`, `unavailable`,
   * `deadline_exceeded`, `failed_precondition` for a certificate that does not hold or too many redirects.
   */
  request(asked: HttpRequest): Promise<HttpAnswer>;
}
