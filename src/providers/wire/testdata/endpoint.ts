/** A server on loopback that answers each request with the bytes it was given, whatever they are. */
import type { Endpoint, Provider, ProviderEvent, ProviderRequest } from "../../../define/provider.ts";

export const secret = "sk-endpoint-0123456789abcdef";

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text is an event's data; bytes are sent as they are. */
  readonly pieces: readonly (string | object | Uint8Array)[];
}

export interface Scene {
  readonly url: string;
  reply: Reply;
  readonly bodies: Record<string, unknown>[];
  readonly headers: Headers[];
  stop(): Promise<void>;
}

export function startScene(): Scene {
  const scene: Scene = { url: "", reply: { pieces: [] }, bodies: [], headers: [], stop: () => server.stop(true) };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      scene.bodies.push(request.method === "POST" ? ((await request.json()) as Record<string, unknown>) : {});
      scene.headers.push(request.headers);
      const { status = 200, headers = { "content-type": "text/event-stream" }, pieces } = scene.reply;
      const parts = pieces.map((piece) => (status === 200 ? bytesOf(piece) : Buffer.from(String(piece))));
      return new Response(Buffer.concat(parts), { status, headers });
    },
  });
  return Object.assign(scene, { url: `http://127.0.0.1:${server.port}/v1` });
}

function bytesOf(piece: string | object | Uint8Array): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  return Buffer.from(`data: ${typeof piece === "string" ? piece : JSON.stringify(piece)}\n\n`);
}

export const offer = {
  name: "fs.read",
  summary: "Read a file.",
  effect: "read",
  input: { type: "object" },
  phrases: [],
  examples: [],
};

export async function say(
  scene: Scene,
  provider: Provider,
  over: Partial<ProviderRequest> = {},
  endpoint: Partial<Endpoint> = {},
): Promise<readonly ProviderEvent[]> {
  const request: ProviderRequest = {
    messages: [{ role: "user", content: "go" }],
    tools: [offer],
    model: "scripted",
    temperature: null,
    max_output_tokens: 100,
    effort: null,
    tool_calls: "native",
    schema: null,
    ...over,
  };
  const events = provider.stream(request, {
    signal: new AbortController().signal,
    rank: () => [],
    fetch: (url, init) => fetch(url, init),
    endpoint: { base_url: scene.url, key: secret, headers: {}, api: null, ...endpoint },
    idle_timeout_ms: 5000,
  });
  return await Array.fromAsync(events);
}
