/** The one error class of the house and the table that gives each code its exit status, HTTP status and retryability. */

export const faultCodes = {
  invalid_argument: { exit: 2, http: 400, retryable: false },
  permission_denied: { exit: 10, http: 403, retryable: false },
  failed_precondition: { exit: 6, http: 409, retryable: false },
  unauthenticated: { exit: 12, http: 401, retryable: false },
  not_found: { exit: 4, http: 404, retryable: false },
  already_exists: { exit: 5, http: 409, retryable: false },
  resource_exhausted: { exit: 7, http: 429, retryable: true },
  unavailable: { exit: 9, http: 503, retryable: true },
  deadline_exceeded: { exit: 8, http: 504, retryable: true },
  data_loss: { exit: 14, http: 500, retryable: false },
  unimplemented: { exit: 15, http: 501, retryable: false },
  canceled: { exit: 130, http: 499, retryable: false },
  internal: { exit: 1, http: 500, retryable: false },
} as const;

export type FaultCode = keyof typeof faultCodes;

/** What crosses a wire or reaches `--json`; `cause` and the stack stay in the process. */
export interface FaultRecord {
  readonly code: FaultCode;
  readonly message: string;
  readonly hint?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

interface FaultOptions {
  readonly hint?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * A failure with a code from the table. The message is lowercase without a full stop and says what happened;
 * the hint says what to do. `data_loss` must never be repaired silently.
 */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly code: FaultCode;
  readonly hint: string | undefined;
  readonly data: Readonly<Record<string, unknown>> | undefined;

  constructor(code: FaultCode, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.data = options.data;
  }

  get exitCode(): number {
    return faultCodes[this.code].exit;
  }

  toRecord(): FaultRecord {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.data === undefined ? {} : { data: this.data }),
    };
  }
}

const systemErrors: Readonly<Record<string, readonly [FaultCode, string, string]>> = {
  ENOENT: ["not_found", "no such file or directory", "check the path"],
  EEXIST: ["already_exists", "the file already exists", "choose another name or remove it first"],
  EACCES: ["permission_denied", "the operating system refused access", "check the owner and mode of the file"],
  EPERM: ["permission_denied", "the operating system refused the operation", "check the owner and mode of the file"],
  EROFS: ["unavailable", "the file system is read-only", "remount it writable or move the home with --home"],
  ENOSPC: ["resource_exhausted", "no space left on the disk", "free some space and try again"],
  EDQUOT: ["resource_exhausted", "the disk quota is used up", "free some space and try again"],
  EFBIG: ["resource_exhausted", "the file would be larger than the limit", "raise the file size limit"],
  EMFILE: ["resource_exhausted", "too many open files", "raise the open file limit (ulimit -n)"],
  ENFILE: ["resource_exhausted", "too many open files on this machine", "close some programs and try again"],
  EISDIR: ["failed_precondition", "the path is a directory", "name a file"],
  ENOTDIR: ["failed_precondition", "a component of the path is not a directory", "check the path"],
  ENOTEMPTY: ["failed_precondition", "the directory is not empty", "pass recursive to remove its contents too"],
  ELOOP: ["permission_denied", "the path goes through a symbolic link", "name the real path"],
  ENAMETOOLONG: ["invalid_argument", "the name is too long", "use a shorter name"],
  EIO: ["data_loss", "the disk reported an input/output error", "check the disk before writing anything more"],
};

/** The operating system's error name ("ENOENT") of a thrown value, or undefined when it carries none. */
export function systemErrorName(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}

/**
 * Any thrown value as a Fault. A Fault is returned as it is; a system error gets the code, words and hint of the table
 * above with `what` before them; anything else is `internal` with the original as cause.
 */
export function asFault(thrown: unknown, what?: string): Fault {
  if (thrown instanceof Fault) return thrown;
  const known = systemErrors[systemErrorName(thrown) ?? ""];
  if (known) {
    const [code, words, hint] = known;
    return new Fault(code, what ? `${what}: ${words}` : words, { hint, cause: thrown });
  }
  if (thrown instanceof Error && thrown.name === "AbortError") {
    return new Fault("canceled", what ? `${what}: canceled` : "canceled", { cause: thrown });
  }
  const words = thrown instanceof Error ? thrown.message : String(thrown);
  return new Fault("internal", what ? `${what}: ${words}` : words, { cause: thrown });
}
