/** The test's end of a world: starts it, gives it commands, and keeps the events it tells of. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EgressEvent } from "../event.ts";
import type { WorldCommand } from "./world.ts";
import { inWorld } from "./world-address.ts";

type Seen = Record<number, { connections: number; bytes: number } | undefined>;

export class World {
  readonly directory = mkdtempSync(join(tmpdir(), "reeve-world-"));
  readonly events: EgressEvent[] = [];
  readonly #waiting = new Map<number, (answer: { result?: unknown; problem?: string }) => void>();
  readonly #watchers = new Set<() => void>();
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #ready = Promise.withResolvers<void>();
  #next = 0;
  #held = Promise.withResolvers<void>();

  constructor() {
    const make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=site.example";
    const files = ["-keyout", join(this.directory, "key.pem"), "-out", join(this.directory, "cert.pem")];
    const names = ["-addext", "subjectAltName=DNS:site.example,DNS:one.example,DNS:both.example,DNS:six.example"];
    const made = Bun.spawnSync(["openssl", ...make.split(" "), ...names, ...files], { stderr: "pipe" });
    if (made.exitCode !== 0) throw new Error(`openssl: ${made.stderr.toString()}`);
    const command = [process.execPath, join(import.meta.dir, "world.ts"), this.directory];
    this.#process = Bun.spawn(inWorld(command), { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    void this.#read();
  }

  get certificate(): string {
    return join(this.directory, "cert.pem");
  }

  async start(): Promise<this> {
    const gone = this.#process.exited.then((code) => {
      throw new Error(`the world ended with status ${code}`);
    });
    await Promise.race([this.#ready.promise, gone]);
    return this;
  }

  async stop(): Promise<void> {
    await this.#process.stdin.end();
    await this.#process.exited;
    rmSync(this.directory, { recursive: true });
  }

  async tell<T>(command: WorldCommand): Promise<T> {
    const id = this.#next++;
    const { promise, resolve } = Promise.withResolvers<{ result?: unknown; problem?: string }>();
    this.#waiting.set(id, resolve);
    this.#process.stdin.write(`${JSON.stringify({ id, command })}\n`);
    await this.#process.stdin.flush();
    const answer = await promise;
    if (answer.problem !== undefined) throw new Error(answer.problem);
    return answer.result as T;
  }

  seen(): Promise<Seen> {
    return this.tell<Seen>({ do: "seen" });
  }

  of(host: string): readonly EgressEvent[] {
    return this.events.filter((event) => event.host === host);
  }

  /** The end of the only connection to a host. */
  closed(host: string): Promise<EgressEvent> {
    return this.#event(host, "egress.closed");
  }

  refused(host: string): Promise<EgressEvent> {
    return this.#event(host, "egress.refused");
  }

  async #event(host: string, kind: EgressEvent["event"]): Promise<EgressEvent> {
    for (;;) {
      const found = this.of(host).find(({ event }) => event === kind);
      if (found) return found;
      await new Promise<void>((done) => this.#watchers.add(done));
    }
  }

  async #read(): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(JSON.parse(line));
    }
  }

  /** When the record of an event is held up. */
  get held(): Promise<void> {
    return this.#held.promise;
  }

  #take(said: {
    ready?: true;
    held?: true;
    event?: EgressEvent;
    id?: number;
    result?: unknown;
    problem?: string;
  }): void {
    if (said.ready) this.#ready.resolve();
    if (said.held) this.#held.resolve();
    if (said.event) {
      this.events.push(said.event);
      for (const wake of this.#watchers) wake();
      this.#watchers.clear();
    }
    if (said.id !== undefined) this.#waiting.get(said.id)?.(said);
  }
}

/** A client that says what it likes: everything that comes back is kept. */
export class RawClient {
  readonly socket: Socket;
  readonly #closed = Promise.withResolvers<void>();
  readonly #watchers = new Set<() => void>();
  received = "";

  constructor(path: string) {
    this.socket = connect({ path, allowHalfOpen: true });
    this.socket.on("data", (chunk: Buffer) => {
      this.received += chunk.toString("latin1");
      this.#wake();
    });
    this.socket.on("error", () => this.socket.destroy());
    this.socket.on("end", () => this.#closed.resolve());
    this.socket.on("close", () => this.#closed.resolve());
  }

  send(text: string | Uint8Array): this {
    this.socket.write(text);
    return this;
  }

  /** Everything, once the other side has ended. */
  async all(): Promise<string> {
    await this.#closed.promise;
    this.socket.destroy();
    return this.received;
  }

  async until(part: string): Promise<string> {
    while (!this.received.includes(part)) {
      const more = new Promise<void>((done) => this.#watchers.add(done));
      await Promise.race([more, this.#closed.promise.then(() => this.#missing(part))]);
    }
    return this.received;
  }

  #missing(part: string): void {
    if (!this.received.includes(part)) throw new Error(`${JSON.stringify(part)} never came: ${this.received}`);
  }

  #wake(): void {
    for (const wake of this.#watchers) wake();
    this.#watchers.clear();
  }
}
