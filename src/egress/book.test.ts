/** The book of tokens on a real database: what is counted, what survives, and what the file holds. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import { EgressStore } from "../store/egress.ts";
import { StateFile } from "../store/state.ts";
import { TokenBook } from "./book.ts";
import { type Grant, narrowToken } from "./token.ts";

const key = new Uint8Array(32).fill(9);
const start = Date.parse("2026-01-01T00:00:00.000Z");
const request = { host: "a.example", port: 443, method: "CONNECT" };
let directory: string;
let file: StateFile;
let now = start;
const clock: Clock = { now: () => now, monotonic: () => now };

beforeEach(() => {
  now = start;
  directory = mkdtempSync(join(tmpdir(), "reeve-book-"));
  file = new StateFile(join(directory, "state.db"));
});
afterEach(() => {
  file.close();
  rmSync(directory, { recursive: true });
});

const book = () => new TokenBook(key, new EgressStore(file), clock);
const grant = (more: Partial<Grant> = {}): Grant => ({
  run: "run-1",
  agent: "worker",
  expires_at: rfc3339(start + 60_000),
  ...more,
});

function faultOf(act: () => unknown): Fault | undefined {
  try {
    act();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
}

function reopen(): void {
  file.close();
  file = new StateFile(join(directory, "state.db"));
}

describe("the book of tokens", () => {
  test("knows a token after a restart, with what it has used", () => {
    const { id, token } = book().issue(grant({ max_bytes_up: 100, max_connections: 2 }));
    const first = book();
    const permit = first.admit(first.verify(token), request);
    expect(permit.take("up", 60)).toBeUndefined();
    permit.release();
    reopen();
    const second = book();
    const next = second.admit(second.verify(token), request);
    expect(next.take("up", 41)).toBe("used_up");
    expect(next.take("up", 40)).toBeUndefined();
    expect(next.take("up", 1)).toBe("used_up");
    expect(next.take("down", 1_000_000)).toBeUndefined();
    next.release();
    expect(faultOf(() => second.admit(second.verify(token), request))?.code).toBe("resource_exhausted");
    expect(new EgressStore(file).get(id)).toMatchObject({ connections: 2, bytes_up: 100, bytes_down: 1_000_000 });
  });

  test("counts what was set aside as used when the process died", () => {
    const { token } = book().issue(grant({ max_bytes_up: 100 }));
    const died = book();
    died.admit(died.verify(token), request).take("up", 1);
    reopen();
    const after = book();
    expect(after.admit(after.verify(token), request).take("up", 1)).toBe("used_up");
  });

  test("lets connections of one token share what is left, and a narrowed copy none of it", () => {
    const { token } = book().issue(grant({ max_bytes_up: 100 }));
    const shared = book();
    const [one, two] = [1, 2].map(() => shared.admit(shared.verify(token), request));
    expect(one?.take("up", 10)).toBeUndefined();
    expect(two?.take("up", 90)).toBeUndefined();
    expect(one?.take("up", 1)).toBe("used_up");
    const narrow = shared.issue(grant({ max_bytes_up: 1_000_000 }));
    const wide = shared.admit(shared.verify(narrow.token), request);
    expect(wide.take("up", 1)).toBeUndefined();
    const copy = shared.admit(shared.verify(narrowToken(narrow.token, { max_bytes_up: 5 })), request);
    expect(copy.take("up", 6)).toBe("used_up");
  });

  test("counts no byte of a permit that was given back, once", () => {
    const { id, token } = book().issue(grant({ max_bytes_up: 100 }));
    const own = book();
    const permit = own.admit(own.verify(token), request);
    permit.take("up", 10);
    permit.release();
    permit.release();
    expect(permit.take("up", 1)).toBe("token_over");
    expect(new EgressStore(file).get(id)?.bytes_up).toBe(10);
  });

  test("refuses a token that is revoked, over, of another book or of another key", () => {
    const own = book();
    const revoked = own.issue(grant());
    const open = own.admit(own.verify(revoked.token), request);
    expect(own.revoke(revoked.id)).toBe(true);
    expect(own.revoke(revoked.id)).toBe(false);
    expect(faultOf(() => own.verify(revoked.token))?.code).toBe("unauthenticated");
    expect(open.take("up", 1)).toBe("token_over");

    const ofRun = own.issue(grant());
    expect(own.revokeRun("run-2")).toBe(0);
    expect(own.revokeRun("run-1")).toBe(1);
    expect(faultOf(() => own.verify(ofRun.token))?.code).toBe("unauthenticated");

    const late = own.issue(grant());
    const bearer = own.verify(late.token);
    now = start + 60_000;
    expect(faultOf(() => own.verify(late.token))?.code).toBe("unauthenticated");
    expect(faultOf(() => own.admit(bearer, request))?.message).toBe("the token's time is up");
    now = start;

    const other = new TokenBook(new Uint8Array(32), new EgressStore(file), clock);
    expect(faultOf(() => other.verify(own.issue(grant()).token))?.code).toBe("unauthenticated");
    const forgotten = own.issue(grant());
    expect(new EgressStore(file).forget(rfc3339(start + 60_001))).toBe(5);
    expect(faultOf(() => own.verify(forgotten.token))?.code).toBe("unauthenticated");
  });

  test("is listed for a month after its time, and forgotten by the next one that is issued", () => {
    const own = book();
    const store = new EgressStore(file);
    own.issue(grant());
    now = start + 60_000 + 31 * 86_400_000;
    own.issue(grant({ expires_at: rfc3339(now + 1000) }));
    expect(store.list()).toHaveLength(2);
    now += 1;
    own.issue(grant({ expires_at: rfc3339(now + 1000) }));
    expect(store.list()).toHaveLength(2);
  });

  test("notices within a second what another process revoked, and the end of a token at once", () => {
    const own = book();
    const { id, token } = own.issue(grant());
    const permit = own.admit(own.verify(token), request);
    expect(permit.take("up", 1)).toBeUndefined();
    new EgressStore(file).revoke(id, rfc3339(now));
    now += 1000;
    expect(permit.take("up", 1)).toBe("token_over");

    const short = own.issue(grant({ expires_at: rfc3339(now + 10) }));
    const brief = own.admit(own.verify(short.token), request);
    expect(brief.take("up", 1)).toBeUndefined();
    now += 10;
    expect(brief.take("up", 1)).toBe("token_over");
    expect(brief.expires_ms).toBe(now);
  });

  test("admits only what the caveats cover, and counts nothing else", () => {
    const own = book();
    const { id, token } = own.issue(grant({ hosts: ["b.example"] }));
    expect(faultOf(() => own.admit(own.verify(token), request))?.code).toBe("permission_denied");
    expect(new EgressStore(file).get(id)?.connections).toBe(0);
  });

  test("keeps nothing in the file by which a token could be made", () => {
    const { token } = book().issue(grant());
    const [, , body = "", tag = ""] = token.split(".");
    file.close();
    const bytes = readdirSync(directory).map((name) => readFileSync(join(directory, name)).toString("latin1"));
    file = new StateFile(join(directory, "state.db"));
    for (const part of [
      token,
      body,
      tag,
      Buffer.from(tag, "base64url").toString("latin1"),
      Buffer.from(key).toString("latin1"),
    ])
      expect(bytes.some((text) => text.includes(part))).toBe(false);
  });
});
