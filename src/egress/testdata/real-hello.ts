/** What a real TLS client says first. */
import { createServer } from "node:net";
import { connect as connectTls } from "node:tls";

/** The first bytes a real client sends. */
export async function helloFor(servername: string): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (chunk) => {
      resolve(Buffer.from(chunk));
      socket.destroy();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  connectTls({ host: "127.0.0.1", port, servername }).on("error", () => undefined);
  const hello = await promise;
  server.close();
  return hello;
}
