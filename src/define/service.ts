/** The noun "service": one daemon mode of the binary as data. `reeve serve` starts it, waits, and ends it. */

/** `House` is what services stand on: the opened engine, which this layer does not know. */
export interface ServiceContext<House> {
  readonly house: House;
  /** Aborted when the service is to end. */
  readonly signal: AbortSignal;
  /** One line for whoever watches the process. */
  note(line: string): void;
}

/** A service that has started: it can be reached. */
export interface RunningService {
  /** Where, in words for a person: a path, or address and port. */
  readonly where: string;
  /** Settles, by throwing, when the service can no longer do its work; pending until then. */
  readonly failed: Promise<never>;
  /** Ends what is open and records it. Called once. */
  close(): Promise<void>;
}

export interface Service<House> {
  readonly name: string;
  readonly summary: string;
  /** Resolves when the service is ready. Throws only Fault, and leaves nothing open then. */
  start(ctx: ServiceContext<House>): Promise<RunningService>;
}

export function defineService<House>(service: Service<House>): Service<House> {
  return service;
}
