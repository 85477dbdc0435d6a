/** The egress service: the proxy for programs, alone, on a socket of this home and where asked for on a port of loopback. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { acquire } from "../core/lock.ts";
import { defineService } from "../define/service.ts";
import { openProxy } from "../egress/proxy.ts";
import type { Engine } from "../engine/engine.ts";
import { stopsIn } from "../engine/stop.ts";

const lockWait_ms = 200;
/** How often it looks whether the operator stopped somebody. */
const watch_ms = 150;

export const egress = defineService<Engine>({
  name: "egress",
  summary: "the way out for programs",
  async start({ house }) {
    const { home } = house.keeper;
    const directory = join(home.state, "run");
    const socket = join(directory, "egress.sock");
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const lock = await acquire(join(directory, "egress.lock"), lockWait_ms).catch((cause: unknown) => {
      throw new Fault("already_exists", "the egress service of this home runs already", {
        hint: "end it first",
        cause,
      });
    });
    // Whoever left it is gone: the lock is ours.
    rmSync(socket, { force: true });
    const port = house.config.egress.listen;
    const doors = new ProxyDoors(house, { socket, port });
    const close = async () => {
      try {
        await doors.close();
      } finally {
        lock.release();
      }
    };
    try {
      await doors.open();
    } catch (thrown) {
      await close();
      throw thrown;
    }
    const where = port === null ? socket : `${socket} and 127.0.0.1:${port}`;
    return { where, failed: doors.failed, close };
  },
});

interface Places {
  readonly socket: string;
  readonly port: number | null;
}

/** The proxies, which are closed and opened anew when the operator stops somebody: what was open ends then. */
class ProxyDoors {
  readonly failed: Promise<never>;
  readonly #house: Engine;
  readonly #places: Places;
  readonly #fail: (thrown: unknown) => void;
  #proxies: readonly { close(): Promise<void> }[] = [];
  #stops: ReadonlySet<string> = new Set();
  #watch: ReturnType<typeof setInterval> | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(house: Engine, places: Places) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    this.failed = promise;
    this.#fail = reject;
    this.#house = house;
    this.#places = places;
  }

  async open(): Promise<void> {
    this.#stops = this.#stopsNow();
    await this.#listen();
    this.#watch = setInterval(() => this.#look(), watch_ms);
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    await this.#work;
    await this.#end();
  }

  async #listen(): Promise<void> {
    const { gate } = await this.#house.egress();
    const { socket, port } = this.#places;
    const opened: { close(): Promise<void> }[] = [];
    this.#proxies = opened;
    opened.push(await openProxy({ ...gate, listen: { socket } }));
    if (port !== null) opened.push(await openProxy({ ...gate, listen: { address: "127.0.0.1", port } }));
  }

  /** Throws when an end could not be recorded, after all have ended. */
  async #end(): Promise<void> {
    const ends = await Promise.allSettled(this.#proxies.map((proxy) => proxy.close()));
    this.#proxies = [];
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  #look(): void {
    try {
      const now = this.#stopsNow();
      const isNew = [...now].some((stop) => !this.#stops.has(stop));
      this.#stops = now;
      if (isNew) this.#work = this.#work.then(() => this.#cutOff()).catch(this.#fail);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  async #cutOff(): Promise<void> {
    await this.#end();
    await this.#listen();
  }

  #stopsNow(): ReadonlySet<string> {
    return new Set(stopsIn(this.#house.keeper.home).map(({ agent, order }) => `${agent ?? "*"} ${order?.at ?? ""}`));
  }
}
