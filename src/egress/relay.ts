/**
 * The way from a sandbox with an empty network to the proxy: connections to a port on its loopback are copied to the
 * proxy's socket and back. It adds nothing and knows nothing; programs bring their token themselves.
 */
import { writeSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";

/**
 * `PORT SOCKET [FD]`: listens on 127.0.0.1, writes one byte to FD when it does (3 unless told), and ends with status 0
 * when its standard input does; 2 for arguments that are none, 1 when it cannot listen.
 */
export function relay(argv: readonly string[]): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const [port = "", path = "", fd = "3", ...rest] = argv;
  const isPort = /^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535;
  if (!isPort || !path.startsWith("/") || !/^\d{1,4}$/.test(fd) || rest.length > 0) {
    process.stderr.write("usage: reeve __relay PORT SOCKET [FD]\n");
    return Promise.resolve(2);
  }
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (inner) => join(inner, path));
  server.once("error", (problem) => {
    process.stderr.write(`reeve: the relay cannot listen on port ${port}: ${problem.message}\n`);
    resolve(1);
  });
  server.listen({ port: Number(port), host: "127.0.0.1" }, () => {
    try {
      writeSync(Number(fd), "\n");
    } catch {
      process.stderr.write(`reeve: nobody waits for the relay at descriptor ${fd}\n`);
      resolve(1);
    }
  });
  process.stdin
    .on("end", () => resolve(0))
    .on("close", () => resolve(0))
    .on("error", () => resolve(0));
  process.stdin.resume();
  return promise;
}

function join(inner: Socket, path: string): void {
  const outer = connect({ path, allowHalfOpen: true });
  const end = () => {
    // A connection that was cut must not look complete.
    if (!inner.destroyed) inner.resetAndDestroy();
    outer.destroy();
  };
  for (const [from, to] of [
    [inner, outer],
    [outer, inner],
  ] as const) {
    from.on("data", (chunk) => {
      if (to.write(chunk)) return;
      from.pause();
      to.once("drain", () => from.resume());
    });
    from.on("end", () => to.end());
    from.on("error", end);
    from.on("close", () => {
      if (!from.readableEnded) end();
    });
  }
  outer.once("connect", () => inner.resume());
}
