/** A client of a world's proxy: what the tests of the proxy say to it, over its socket. */
import { readFileSync } from "node:fs";
import { connect as connectTls } from "node:tls";
import type { Grant } from "../token.ts";
import { publicIpv4 } from "./world-address.ts";
import { RawClient, World } from "./world-client.ts";

export const run = "run-1";

/** A world with a proxy, a few names and a token of `run`. */
export async function startCaller() {
  const world = await new World().start();
  const proxy = await world.tell<string>({ do: "open", name: "proxy" });
  const token = await issue();
  await name("site.example", { a: [publicIpv4] });
  await name("other.example", { a: [publicIpv4] });
  await name("inside.example", { a: [publicIpv4, "10.0.0.1"] });
  let hosts = 0;

  function issue(more: Partial<Grant> = {}): Promise<{ id: string; token: string }> {
    const grant = { run, agent: "worker", expires_at: new Date(Date.now() + 600_000).toISOString(), ...more };
    return world.tell({ do: "issue", grant });
  }

  function name(
    host: string,
    ...answers: readonly { a?: readonly string[]; aaaa?: readonly string[] }[]
  ): Promise<void> {
    return world.tell({ do: "name", name: host, answers });
  }

  /** A host of its own for a test that reads the record. */
  async function fresh(): Promise<string> {
    const host = `h${hosts++}.example`;
    await name(host, { a: [publicIpv4] });
    return host;
  }

  function head(place: string, text = token.token, who = run): string {
    return `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nProxy-Authorization: Basic ${btoa(`${who}:${text}`)}\r\n\r\n`;
  }

  /** A tunnel, open. */
  async function open(place: string, text = token.token, path = proxy): Promise<RawClient> {
    const client = new RawClient(path).send(head(place, text));
    await client.until("\r\n\r\n");
    const answer = "HTTP/1.1 200 Connection Established\r\n\r\n";
    if (!client.received.startsWith(answer)) throw new Error(client.received);
    client.received = client.received.slice(answer.length);
    return client;
  }

  /** A refusal: status line and body. */
  async function refused(request: string | Uint8Array, path = proxy): Promise<string> {
    return new RawClient(path).send(request).all();
  }

  /** What a TLS client gets for a request through the tunnel. */
  async function get(place: string, servername: string, text = token.token, path = proxy): Promise<string> {
    const tunnel = new RawClient(path).send(head(place, text));
    await tunnel.until("\r\n\r\n");
    tunnel.socket.removeAllListeners("data");
    const tls = connectTls({ socket: tunnel.socket, servername, ca: readFileSync(world.certificate) });
    let received = "";
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    tls.on("data", (chunk: Buffer) => {
      received += chunk.toString();
    });
    tls.on("end", resolve).on("close", resolve).on("error", reject);
    tls.write("GET / HTTP/1.1\r\n\r\n");
    await promise;
    tls.destroy();
    tunnel.socket.destroy();
    return received;
  }

  return { world, proxy, token, issue, name, fresh, head, open, refused, get };
}

export async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await Bun.sleep(5);
}
