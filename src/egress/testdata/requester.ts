/** A world for requests of agents: a real name server, real servers, two secrets, and a record of what was asked and written. */
import { Fault } from "../../core/fault.ts";
import type { HttpRequest } from "../../define/http.ts";
import { type RequestEvent, type RequestPowers, requestFrom } from "../request.ts";
import { openResolver } from "../resolve.ts";
import { startNameServer } from "../name-server.ts";
import { makeCertificate, startWebServer, type WebServer } from "./web-server.ts";

/** Names lead to loopback, which a place must be named for. */
export const names = await startNameServer();
names.set("api.example.org", { a: ["127.0.0.1"] });
names.set("www.example.org", { a: ["127.0.0.1"] });
export const certificate = makeCertificate("api.example.org", "www.example.org");

const started: WebServer[] = [];

export async function serve(...options: Parameters<typeof startWebServer>): Promise<WebServer> {
  const server = await startWebServer(...options);
  started.push(server);
  return server;
}

export function closeServers(): void {
  for (const server of started.splice(0)) server.close();
}

const usual = { method: "GET", headers: {}, body: undefined, timeout_ms: 5000, max_response_bytes: 10_000 } as const;
const vault = new Map([
  ["api/token", { value: "s3cr3t-token-value", hosts: ["api.example.org"] }],
  ["both", { value: "for-both-hosts", hosts: ["api.example.org", "www.example.org"] }],
  ["lines", { value: "one\r\nx-evil: 1", hosts: ["api.example.org"] }],
]);

interface World {
  readonly events: RequestEvent[];
  readonly asked: string[];
  ask(request: Partial<HttpRequest> & { readonly url: string }, signal?: AbortSignal): ReturnType<typeof requestFrom>;
}

export function world(named: readonly string[], own: Partial<RequestPowers> = {}): World {
  const events: RequestEvent[] = [];
  const asked: string[] = [];
  const places = new Set(named);
  const secretsIn = (text: string) => [...text.matchAll(/\{\{secret:([^{}]*)\}\}/g)].map(([, name = ""]) => name);
  const mask = (text: string) =>
    [...vault].reduce((all, [name, { value }]) => all.replaceAll(value, `[secret:${name}]`), text);
  const powers: RequestPowers = {
    named: places,
    resolve: openResolver({ dns_servers: [names.address], named: places, timeout_ms: 1000 }),
    permits: (endpoint) => {
      asked.push(endpoint);
      return true;
    },
    permitsPlain: () => false,
    secretsIn,
    withSecrets: (text, host) =>
      text.replaceAll(/\{\{secret:([^{}]*)\}\}/g, (_, name: string) => {
        const secret = vault.get(name);
        if (secret?.hosts.includes(host)) return secret.value;
        throw new Fault("permission_denied", `secret "${name}" may not be used for host ${host}`);
      }),
    scrub: { text: mask, beginning: mask },
    record: async (event) => {
      events.push(event);
    },
    authorities: [certificate.cert],
    ...own,
  };
  return {
    events,
    asked,
    ask: (request, signal = new AbortController().signal) => requestFrom(powers, { ...usual, ...request }, signal),
  };
}

export async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const thrown = await promise.then(
    () => new Error("nothing was thrown"),
    (each: unknown) => each,
  );
  if (thrown instanceof Fault) return thrown;
  throw thrown;
}
