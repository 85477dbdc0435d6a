/** One connection through the proxy, from its first byte to its last entry in the record. */
import type { Socket } from "node:net";
import { asFault, Fault } from "../core/fault.ts";
import { isAddressLiteral } from "../core/hostname.ts";
import { newId } from "../core/id.ts";
import type { Permit, TokenBook } from "./book.ts";
import { type ConnectRequest, headLength, maxHeadBytes, parseConnect } from "./connect-request.ts";
import { dial } from "./dial.ts";
import type { ClosedReason, EgressEvent } from "./event.ts";
import { gather } from "./gather.ts";
import { maxHelloWireBytes, readHello } from "./hello.ts";
import { type NamedPlaces, type Place, placeText } from "./host.ts";
import { answerTo, established } from "./proxy-answer.ts";
import type { Resolve, VettedPlace } from "./resolve.ts";
import type { Bearer } from "./token.ts";
import { type TunnelResult, tunnel } from "./tunnel.ts";

export type EgressDecision =
  /** `plain`: the port may carry something else than TLS, of which nobody can check the host. */
  { readonly allow: true; readonly plain?: boolean } | { readonly allow: false; readonly reason: string };

export interface EgressQuestion extends Place {
  readonly run: string;
  readonly agent: string;
}

export interface ProxyLimits {
  readonly max_connections: number;
  readonly head_timeout_ms: number;
  readonly dial_timeout_ms: number;
  readonly hello_timeout_ms: number;
  readonly idle_timeout_ms: number;
  readonly total_timeout_ms: number;
}

/** What decides about connections and what they are held to. */
export interface Gate {
  readonly book: Pick<TokenBook, keyof TokenBook>;
  readonly resolve: Resolve;
  readonly named: NamedPlaces;
  /** The only run whose tokens count here; any when absent. */
  readonly run?: string;
  /** Policy. What it throws refuses the connection. */
  readonly decide: (question: EgressQuestion) => EgressDecision | Promise<EgressDecision>;
  /** The ledger. Awaited before anything is dialled; what it throws refuses the connection. */
  readonly record: (event: EgressEvent) => Promise<void>;
  /** How a client is understood and how a host is reached; `readRequest` and `dial` unless given. */
  readonly read?: typeof readRequest;
  readonly dial?: typeof dial;
}

interface Service extends Gate {
  readonly limits: ProxyLimits;
  readonly signal: AbortSignal;
}

/** What is known of a connection so far. */
interface Known {
  readonly connection: string;
  place?: Place;
  bearer?: Bearer;
  addresses?: readonly string[];
}

/** A connection that may be dialled: decided, counted, vetted and recorded. */
interface Admitted {
  readonly place: VettedPlace;
  readonly permit: Permit;
  readonly plain: boolean;
}

const nothing = { bytes_up: 0, bytes_down: 0 };
const farewell_ms = 1000;

/** The client's socket is paused. Throws only what `record` throws; the caller destroys the socket. */
export async function serve(client: Socket, service: Service, isFull: boolean): Promise<void> {
  const known: Known = { connection: newId() };
  const admitted = await admit(client, known, service, isFull).catch(async (thrown: unknown) => {
    await refuse(client, known, service, asFault(thrown));
    return undefined;
  });
  if (!admitted) return;
  try {
    const result = await carry(client, known, service, admitted);
    await record(known, service, "egress.closed", result.reason, result);
  } finally {
    admitted.permit.release();
  }
}

async function admit(client: Socket, known: Known, service: Service, isFull: boolean): Promise<Admitted> {
  const { signal, book } = service;
  if (isFull)
    throw new Fault("resource_exhausted", "too many connections are open", { hint: "close some and try again" });
  const { place, credentials } = await (service.read ?? readRequest)(client, service);
  known.place = place;
  if (!credentials) {
    const hint = "send the token as Proxy-Authorization, or in HTTPS_PROXY as http://RUN:TOKEN@HOST:PORT";
    throw new Fault("unauthenticated", "there is no egress token", { hint });
  }
  const bearer = book.verify(credentials.token);
  const isOfRun = (run: string | undefined) => run === undefined || run === bearer.run;
  if (!isOfRun(credentials.run) || !isOfRun(service.run)) {
    throw new Fault("unauthenticated", "the egress token is for another run");
  }
  known.bearer = bearer;
  const { run, agent } = bearer;
  const decision = await service.decide({ ...place, run, agent });
  if (!decision.allow) throw new Fault("permission_denied", `${placeText(place)} is refused: ${decision.reason}`);
  const permit = book.admit(bearer, { ...place, method: "CONNECT" });
  try {
    const vetted = await service.resolve(place, signal);
    known.addresses = vetted.addresses;
    await record(known, service, "egress.open", "allowed", nothing);
    return { place: vetted, permit, plain: decision.plain === true };
  } catch (thrown) {
    permit.release();
    throw thrown;
  }
}

/** The client's socket is paused afterwards. Throws for whatever is no request of a proxy, whole and alone. */
export async function readRequest(
  client: Socket,
  { limits, signal, named }: Pick<Service, "limits" | "signal" | "named">,
  parse: typeof parseConnect = parseConnect,
): Promise<ConnectRequest> {
  const { value, bytes } = await gather(client, headLength, {
    max_bytes: maxHeadBytes,
    timeout_ms: limits.head_timeout_ms,
    signal,
  });
  // A client that speaks before it is answered has something to hide from one of two readers.
  if (value !== bytes.length || value > maxHeadBytes) {
    throw new Fault("invalid_argument", "more was sent than one request of a proxy");
  }
  return parse(bytes, named);
}

async function refuse(client: Socket, known: Known, service: Service, fault: Fault): Promise<void> {
  // Whoever hangs up without having asked for anything has nothing decided about.
  if (fault.code === "canceled" && !known.place && !service.signal.aborted) return;
  try {
    const address = fault.data?.["address"];
    if (typeof address === "string") known.addresses = [address];
    await record(known, service, "egress.refused", fault.message, nothing);
  } finally {
    await answer(client, answerTo(fault));
  }
}

/** From the permission to the end of the tunnel. Never rejects. */
async function carry(
  client: Socket,
  known: Known,
  service: Service,
  { place, permit, plain }: Admitted,
): Promise<Omit<TunnelResult, "reason"> & { readonly reason: ClosedReason }> {
  const { limits, signal } = service;
  const dialled = await (service.dial ?? dial)(place, { timeout_ms: limits.dial_timeout_ms, signal }).catch(
    (thrown: unknown) => asFault(thrown),
  );
  known.addresses = dialled instanceof Fault ? [] : [dialled.remoteAddress ?? ""];
  if (dialled instanceof Fault) {
    await answer(client, answerTo(dialled));
    return { ...nothing, reason: signal.aborted ? "stopped" : "unreachable" };
  }
  dialled.on("error", () => dialled.destroy());
  client.write(established);
  const first = plain ? Buffer.alloc(0) : await readFirst(client, place.host, service);
  if (typeof first === "string") {
    dialled.resetAndDestroy();
    return { ...nothing, reason: signal.aborted ? "stopped" : first };
  }
  return tunnel(client, dialled, {
    first,
    take: (direction, bytes) => permit.take(direction, bytes),
    idle_timeout_ms: limits.idle_timeout_ms,
    total_timeout_ms: Math.min(limits.total_timeout_ms, permit.expires_ms - Date.now()),
    signal,
  });
}

/** The client's hello as it was sent, when it asks for the host that was decided about; else why not. */
async function readFirst(client: Socket, host: string, { limits, signal }: Service): Promise<Buffer | ClosedReason> {
  const finished = (bytes: Buffer) => {
    const hello = readHello(bytes);
    return hello.state === "more" ? undefined : hello;
  };
  const options = { max_bytes: maxHelloWireBytes, timeout_ms: limits.hello_timeout_ms, signal };
  const read = await gather(client, finished, options).catch(() => undefined);
  if (!read) return "no_hello";
  if (read.value.state === "refused") return "not_tls";
  // RFC 6066 knows no addresses as names: a client that dials one sends none.
  const wanted = isAddressLiteral(host) ? undefined : host;
  if (read.value.server_name === wanted) return read.bytes;
  return read.value.server_name === undefined ? "no_server_name" : "wrong_server_name";
}

async function record(
  { connection, bearer, place, addresses }: Known,
  service: Service,
  event: EgressEvent["event"],
  reason: string,
  { bytes_up, bytes_down }: Omit<TunnelResult, "reason">,
): Promise<void> {
  await service.record({
    event,
    connection,
    run: bearer?.run ?? null,
    agent: bearer?.agent ?? null,
    host: place?.host ?? null,
    port: place?.port ?? null,
    addresses: addresses ?? [],
    bytes_up,
    bytes_down,
    reason,
  });
}

/** Until the client has it or does not take it in time. */
async function answer(client: Socket, text: string): Promise<void> {
  if (client.destroyed) return;
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, farewell_ms);
  client.once("close", resolve);
  // What is unread when a socket closes would take the answer with it.
  client.resume();
  client.end(text);
  await gone;
  clearTimeout(timer);
}
