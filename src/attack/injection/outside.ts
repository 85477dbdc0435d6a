/** The world outside as a run can reach it: a page that the operator named, and a stranger who writes down whatever arrives. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { startNameServer } from "../../egress/name-server.ts";

/** What a page answers with. */
export interface Page {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Outside {
  /** `http://127.0.0.1:PORT` of the pages, and of the stranger. */
  readonly site: string;
  readonly stranger: string;
  /** `ADDRESS:PORT` of the stranger's name server. */
  readonly names: string;
  /** Pages by path. */
  readonly pages: Map<string, Page>;
  /** Everything the stranger was told, by request or by name, and what the site was told beyond the path of a page. */
  heard(): string;
  close(): Promise<void>;
}

export async function openOutside(): Promise<Outside> {
  const pages = new Map<string, Page>();
  const log: string[] = [];
  const site = await serve((request, body, response) => {
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const target = /[?&]to=([^&]*)/.exec(request.url ?? "")?.[1];
    log.push(`${told(request, body)}\n`);
    if (path === "/leave" && target !== undefined) {
      response.writeHead(302, { location: decodeURIComponent(target) }).end();
      return;
    }
    const page = pages.get(path) ?? { status: 404, body: "nothing here" };
    response.writeHead(page.status ?? 200, { "content-type": "text/plain", ...page.headers }).end(page.body ?? "");
  });
  const stranger = await serve((request, body, response) => {
    log.push(`${told(request, body)}\n`);
    response.end("thank you");
  });
  // It knows no name, and remembers what it was asked.
  const names = await startNameServer();
  return {
    site: site.url,
    stranger: stranger.url,
    names: names.address,
    pages,
    heard: () => [...log, ...names.asked].join("\n"),
    close: async () => {
      names.close();
      await Promise.all([site.close(), stranger.close()]);
    },
  };
}

function told({ method, url, rawHeaders }: IncomingMessage, body: string): string {
  return [`${method} ${url}`, ...rawHeaders, body].join("\n");
}

async function serve(answer: (request: IncomingMessage, body: string, response: ServerResponse) => void) {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => answer(request, Buffer.concat(pieces).toString("utf8"), response));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  const close = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${address.port}`, close };
}
