/** The command line of an engine for containers: where its client is, what it is told of this process, and short questions. */
import { Fault } from "../core/fault.ts";
import { Output } from "./output.ts";

export interface Engine {
  /** Path of the client. */
  readonly client: string;
  /** Path of the socket its daemon listens on; never shown to a program. */
  readonly socket: string;
}

/** The client of Docker. Engines that speak its interface on their socket are reached with it as well. */
export const clientName = "docker";

export const usualSocket = "/var/run/docker.sock";

const answer_ms = 15_000;

/** How the client is started: `settings` is an empty directory, so that no account's settings or contexts count. */
export function clientLaunch({ client, socket }: Engine, settings: string, words: readonly string[]) {
  return {
    cmd: [client, "--config", settings, "--host", `unix://${socket}`, ...words],
    cwd: "/",
    env: { HOME: settings },
  };
}

/** What the client prints. Throws `unavailable` with its own words when it fails or does not answer. */
export async function askEngine(engine: Engine, settings: string, words: readonly string[]): Promise<string> {
  const child = Bun.spawn({
    ...clientLaunch(engine, settings, words),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: answer_ms,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr] = [new Output(65_536), new Output(4096)];
  const listen = async (stream: ReadableStream<Uint8Array>, output: Output) => {
    for await (const chunk of stream) output.add(chunk);
  };
  await Promise.all([listen(child.stdout, stdout), listen(child.stderr, stderr), child.exited]);
  if (child.exitCode === 0) return stdout.kept().text.trim();
  const said = firstLine(stderr) || "it did not answer";
  throw new Fault("unavailable", `the engine for containers failed: ${said}`, {
    hint: "see whether its daemon runs and this user may use its socket",
  });
}

export function firstLine(output: Output): string {
  return output.kept().text.trim().split("\n")[0] ?? "";
}
