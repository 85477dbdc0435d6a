/** What a program says while it runs, passed on to those who watch: in whole lines where it can be, scrubbed, and bounded. */
import { StringDecoder } from "node:string_decoder";
import type { Scrubber } from "../vault/scrub.ts";

type Stream = "stdout" | "stderr";

const maxHeldChars = 8192;
const maxToldChars = 262_144;

export class LiveOutput {
  readonly #scrubber: () => Scrubber;
  readonly #tell: (stream: Stream, text: string) => void;
  readonly #decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") };
  readonly #held = { stdout: "", stderr: "" };
  #told = 0;

  constructor(scrubber: () => Scrubber, tell: (stream: Stream, text: string) => void) {
    this.#scrubber = scrubber;
    this.#tell = tell;
  }

  add(stream: Stream, chunk: Uint8Array): void {
    if (this.#told > maxToldChars) return;
    const text = this.#held[stream] + this.#decoders[stream].write(chunk);
    const end = text.lastIndexOf("\n") + 1;
    const ready = text.length - end > maxHeldChars ? text.length : end;
    this.#held[stream] = text.slice(ready);
    this.#say(stream, text.slice(0, ready));
  }

  /** What is left, once no more comes. */
  end(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      this.#say(stream, this.#held[stream] + this.#decoders[stream].end());
      this.#held[stream] = "";
    }
  }

  #say(stream: Stream, text: string): void {
    if (text === "" || this.#told > maxToldChars) return;
    this.#told += text.length;
    this.#tell(stream, this.#scrubber().text(text));
  }
}
