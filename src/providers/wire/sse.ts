/** Server-sent events (WHATWG HTML section 9.2) from a body's bytes; a last event without its blank line is none. */

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

export interface Reading {
  /** Called for each piece of the body, before anything is made of it. */
  readonly onBytes: () => void;
  /** Called for a piece that was no UTF-8; what could not be read is replaced by U+FFFD. */
  readonly onInvalid: () => void;
  /** Bytes of one line; beyond them the reading ends by a `LongLine`. */
  readonly max_line_bytes: number;
}

export class LongLine extends Error {}

/** However little of it means something, no answer is longer. */
const largestBody_bytes = 128 * 1_048_576;

const newline = 0x0a;

export async function* serverEvents(
  body: ReadableStream<Uint8Array>,
  reading: Reading,
): AsyncGenerator<ServerEvent, void, undefined> {
  let event = "";
  let data: string[] = [];
  for await (const text of wholeLines(body, reading)) {
    for (const raw of text.split("\n")) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (line === "") {
        if (data.length > 0) yield { event, data: data.join("\n") };
        event = "";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
      if (field === "data") data.push(value);
      else if (field === "event") event = value;
    }
  }
}

/** Text up to the last newline of what came, without that newline; so no piece ends in the middle of a character. */
async function* wholeLines(
  body: ReadableStream<Uint8Array>,
  { onBytes, onInvalid, max_line_bytes }: Reading,
): AsyncGenerator<string, void, undefined> {
  const reader = body.getReader();
  let held: Uint8Array[] = [];
  let held_bytes = 0;
  let all_bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes();
      all_bytes += value.length;
      if (all_bytes > largestBody_bytes) throw new LongLine("the answer has no end");
      const end = value.lastIndexOf(newline);
      if (end < 0) {
        held.push(value);
        held_bytes += value.length;
        if (held_bytes > max_line_bytes) throw new LongLine("a line of the answer has no end");
        continue;
      }
      yield decoded(joined([...held, value.subarray(0, end)]), onInvalid);
      held = [value.subarray(end + 1)];
      held_bytes = value.length - end - 1;
    }
  } finally {
    // Also when the consumer leaves: the connection must not go on.
    reader.cancel().catch(() => undefined);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (parts.length === 1 && first) return first;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

function decoded(bytes: Uint8Array, onInvalid: () => void): string {
  try {
    return strict.decode(bytes);
  } catch {
    onInvalid();
    return lenient.decode(bytes);
  }
}
