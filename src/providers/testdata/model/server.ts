/** A scripted model as an HTTP server on loopback, speaking chat completions, responses and messages, streamed or not. */
import { isJsonObject, type Json } from "../../../core/canonical.ts";
import type { Failure, Recorded, Script, ScriptTurn, Wire } from "./script.ts";
import { frame, turnsSpoken } from "./wires.ts";

export interface Model {
  /** `http://127.0.0.1:PORT/v1`. */
  readonly url: string;
  readonly requests: readonly Recorded[];
  stop(): Promise<void>;
}

const keptRequests = 10_000;

export async function startModel(script: Script): Promise<Model> {
  const requests: Recorded[] = [];
  const attempts = new Map<ScriptTurn, number>();
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: async (request) => {
      const at_ms = Date.now();
      const path = new URL(request.url).pathname;
      const wire = wireOf(path);
      if (wire === "models") {
        record({ path, wire, body: null, headers: Object.fromEntries(request.headers), size: 0, at_ms });
        return Response.json({ object: "list", data: [{ id: "scripted-1" }, { id: "scripted-2" }] });
      }
      if (!wire) return Response.json({ error: { message: "no such path" } }, { status: 404 });
      const text = await request.text();
      const body = JSON.parse(text) as Json;
      record({ path, wire, body, headers: Object.fromEntries(request.headers), size: Buffer.byteLength(text), at_ms });
      return respond(wire, turnFor(wire, body));
    },
  });

  function record(request: Recorded): void {
    if (requests.length < keptRequests) requests.push(request);
  }

  function turnFor(wire: Wire, body: Json): ScriptTurn {
    if (script.obedient) {
      // Whatever wrapped the order, JSON in JSON, is taken off it again.
      const order = /CALL ([\w.]+) (\{.*?\})/.exec(lastMessage(body).replaceAll("\\", ""));
      if (order?.[1] && order[2]) return { calls: [{ tool: order[1], arguments: order[2] }] };
    }
    const turns = turnsIn(script, body);
    const turn = turns[Math.min(turnsSpoken(wire, body), turns.length - 1)] ?? {};
    const used = attempts.get(turn) ?? 0;
    attempts.set(turn, used + 1);
    return turn.attempts?.[used] ?? turn;
  }

  return {
    url: `http://127.0.0.1:${server.port}/v1`,
    requests,
    stop: () => server.stop(true),
  };
}

function wireOf(path: string): Wire | undefined {
  if (path.endsWith("/chat/completions")) return "chat";
  if (path.endsWith("/responses")) return "responses";
  if (path.endsWith("/messages")) return "messages";
  return path.endsWith("/models") ? "models" : undefined;
}

function turnsIn({ turns, turns_for = {} }: Script, body: Json): readonly ScriptTurn[] {
  const list = isJsonObject(body) ? body["messages"] : undefined;
  const said = Array.isArray(list) ? list.flatMap((each: Json) => (isJsonObject(each) ? [each["content"]] : [])) : [];
  return Object.entries(turns_for).find(([message]) => said.includes(message))?.[1] ?? turns;
}

function lastMessage(body: Json): string {
  const list = isJsonObject(body) ? (body["messages"] ?? body["input"]) : undefined;
  return Array.isArray(list) ? JSON.stringify(list.at(-1)) : "";
}

async function respond(wire: Exclude<Wire, "models">, turn: ScriptTurn): Promise<Response> {
  if (turn.delay_ms) await Bun.sleep(turn.delay_ms);
  const { fail } = turn;
  if (fail && "status" in fail) {
    const {
      status,
      body: words = JSON.stringify({ error: { message: `scripted ${status}`, type: "scripted" } }),
      headers = {},
    } = fail;
    return new Response(words, { status, headers: { "content-type": "application/json", ...headers } });
  }
  if (fail && "hang" in fail && fail.hang === "headers") await new Promise(() => undefined);
  const { head, pieces, tail } = frame(wire, turn);
  const whole = [...head, ...pieces, ...tail];
  const headers = { "content-type": "text/event-stream" };
  if (!fail && !turn.chunk_delay_ms) return new Response(whole.join(""), { headers });
  return new Response(streamed(wire, turn, { head, pieces, tail }, fail), { headers });
}

function streamed(
  wire: Exclude<Wire, "models">,
  turn: ScriptTurn,
  { head, pieces, tail }: ReturnType<typeof frame>,
  fail: Failure | undefined,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async start(controller) {
      const send = (text: string): void => controller.enqueue(encoder.encode(text));
      try {
        if (fail && "endless" in fail) {
          for (const each of frame(wire, { text: "x" }).head) send(each);
          await endless(wire, fail.endless, send);
          return;
        }
        for (const each of head) send(each);
        for (const [i, each] of pieces.entries()) {
          if (turn.chunk_delay_ms) await Bun.sleep(turn.chunk_delay_ms);
          send(each);
          if (fail && "cut" in fail && fail.cut === "after-first") {
            // Long enough for what was sent to be on its way.
            await Bun.sleep(50);
            return controller.error(new Error("cut"));
          }
          if (fail && "raw" in fail && i === 0) controller.enqueue(rawPiece(wire, fail.raw));
        }
        if (fail && "hang" in fail) await new Promise(() => undefined);
        if (fail && "cut" in fail) {
          const kept = fail.cut === "before-done" ? tail.slice(0, -1) : [];
          for (const each of kept) send(each);
          if (fail.cut === "mid-json") send((tail[0] ?? "data: {").slice(0, 24));
          controller.close();
          return;
        }
        for (const each of tail) send(each);
        controller.close();
      } catch {
        // The client left in the middle, which is what some tests are about.
      }
    },
  });
}

/** A piece of text whose bytes are no UTF-8. */
function rawPiece(wire: Exclude<Wire, "models">, base64: string): Uint8Array {
  const [piece = ""] = frame(wire, { text: "RAW", chunks: 1 }).pieces;
  const [before = "", after = ""] = piece.split("RAW");
  return Buffer.concat([Buffer.from(before), Buffer.from(base64, "base64"), Buffer.from(after)]);
}

async function endless(
  wire: Exclude<Wire, "models">,
  what: "text" | "arguments" | "keepalive",
  send: (text: string) => void,
): Promise<void> {
  const block = "x".repeat(65_536);
  const [piece = ""] = frame(wire, { text: block, chunks: 1 }).pieces;
  const call = frame(wire, { calls: [{ tool: "fs_write", arguments: `{"content":"${block}` }] }).tail;
  const argument = call.find((each) => each.includes(block)) ?? "";
  const opening = call.slice(0, call.indexOf(argument));
  if (what === "arguments") for (const each of opening) send(each);
  for (;;) {
    if (what === "keepalive")
      send(wire === "messages" ? 'event: ping\ndata: {"type": "ping"}\n\n' : ": keep-alive\n\n");
    else send(what === "text" ? piece : argument);
    await Bun.sleep(what === "keepalive" ? 20 : 0);
  }
}
