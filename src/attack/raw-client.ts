/** A client of a proxy that says exactly what it is told to, byte for byte, and remembers what it was answered. */
import { connect, type Socket } from "node:net";

export class RawClient {
  readonly socket: Socket;
  /** All that came, a character a byte. */
  received = "";
  /** Settles when the other side has closed. */
  readonly ended: Promise<void>;
  #heard: (() => void) | undefined;

  constructor(place: { readonly path: string } | { readonly host: string; readonly port: number }) {
    this.socket = connect({ ...place, allowHalfOpen: false });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.socket.on("data", (bytes: Buffer) => {
      this.received += bytes.toString("latin1");
      this.#heard?.();
    });
    this.socket.on("error", () => this.socket.destroy());
    this.socket.on("close", () => {
      resolve();
      this.#heard?.();
    });
  }

  send(bytes: string | Uint8Array): this {
    if (this.socket.writable) this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    return this;
  }

  /** Until this was received or the other side has closed; whether it was. */
  async until(text: string): Promise<boolean> {
    while (!this.received.includes(text) && !this.socket.closed) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
    return this.received.includes(text);
  }

  /** Whether a tunnel was opened. */
  async opened(): Promise<boolean> {
    return (await this.until("\r\n\r\n")) && this.received.startsWith("HTTP/1.1 200 ");
  }
}
