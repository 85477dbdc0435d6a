/** Somebody on this machine who listens, and remembers whether anything came. */

export interface Sink {
  /** 0 for one that has no port. */
  readonly port: number;
  readonly got: () => boolean;
  readonly close: () => Promise<void>;
}

/** A connection alone is no arrival: something has to come through it. */
export function streamSink(where: { readonly hostname: string } | { readonly unix: string }): Sink {
  let got = false;
  const socket = {
    data: () => {
      got = true;
    },
  };
  const listener = "unix" in where ? Bun.listen({ ...where, socket }) : Bun.listen({ ...where, port: 0, socket });
  return { port: "port" in listener ? listener.port : 0, got: () => got, close: async () => listener.stop(true) };
}

export async function datagramSink(): Promise<Sink> {
  let got = false;
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: () => {
        got = true;
      },
    },
  });
  return { port: socket.port, got: () => got, close: async () => socket.close() };
}
