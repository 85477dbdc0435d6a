/** Real servers on loopback that answer with exactly the bytes a test writes down, in the clear or over TLS. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createSecureServer } from "node:tls";

export interface Seen {
  readonly line: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface WebServer {
  readonly port: number;
  readonly seen: readonly Seen[];
  /** Connections that were made, also those that sent nothing. */
  readonly connections: () => number;
  close(): void;
}

/** What is sent back to a request; a function is given the socket and ends it itself. */
type Reply = string | Uint8Array | ((socket: Socket) => void);

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export async function startWebServer(
  reply: (seen: Seen) => Reply,
  options: { readonly tls?: Certificate; readonly address?: string; readonly port?: number } = {},
): Promise<WebServer> {
  const seen: Seen[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  const serve = (socket: Socket) => {
    connections++;
    open.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => open.delete(socket));
    let text = "";
    let isAnswered = false;
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      const whole = isAnswered ? undefined : wholeRequest(text);
      if (!whole) return;
      isAnswered = true;
      seen.push(whole);
      const answer = reply(whole);
      if (typeof answer === "function") answer(socket);
      else socket.end(answer);
    });
  };
  const server: Server = options.tls ? createSecureServer(options.tls, serve) : createServer(serve);
  server.on("error", () => undefined);
  await new Promise<void>((done) => server.listen(options.port ?? 0, options.address ?? "127.0.0.1", done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    port: address.port,
    seen,
    connections: () => connections,
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

function wholeRequest(text: string): Seen | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [line = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((each) => [each.slice(0, each.indexOf(":")).toLowerCase(), each.slice(each.indexOf(":") + 1).trim()]),
  );
  const body = text.slice(end + 4);
  return body.length < Number(headers["content-length"] ?? 0) ? undefined : { line, headers, body };
}

/** An answer with its length. */
export function reply(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array = "",
): Uint8Array {
  const bytes = Buffer.from(body);
  const lines = Object.entries({ ...headers, "content-length": String(bytes.length) }).map((each) => each.join(": "));
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} X\r\n${lines.join("\r\n")}\r\n\r\n`, "latin1"), bytes]);
}

/** A key and a certificate that signs itself, for some names. */
export function makeCertificate(...names: readonly string[]): Certificate {
  const directory = mkdtempSync(join(tmpdir(), "reeve-tls-"));
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const san = names.map((name) => (/^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(",");
  const make = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test -addext`;
  const argv = ["openssl", ...make.split(" "), `subjectAltName=${san}`, "-keyout", key, "-out", cert];
  try {
    const made = Bun.spawnSync(argv, { stderr: "pipe" });
    if (made.exitCode !== 0) throw new Error(made.stderr.toString());
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
