/** The relay as the binary runs it, in a network of its own: real clients on one side, the proxy on the other. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { World } from "./testdata/world-client.ts";
import { inWorld, publicIpv4 } from "./testdata/world-address.ts";

let world: World;
let socket: string;
let token: { id: string; token: string };
const main = join(import.meta.dir, "../../cmd/reeve/main.ts");

/** In the sandbox's place: the relay first, its byte, then a client; all in a network with nothing in it. */
const client = `
const relay = Bun.spawn([process.execPath, ${JSON.stringify(main)}, "__relay", "3128", process.argv[2]], {
  stdio: ["pipe", "inherit", "inherit", "pipe"], env: {},
});
const ready = await Bun.file(relay.stdio[3]).stream().getReader().read();
console.log("ready", ready.value?.length);
const argv = process.argv.slice(3);
const env = { PATH: process.env.PATH, HTTPS_PROXY: process.env.PROXY };
const run = Bun.spawn(argv, { stdout: "inherit", stderr: "inherit", env });
console.log("status", await run.exited);
relay.stdin.end();
console.log("relay", await relay.exited);
`;

async function inside(...argv: readonly string[]): Promise<string> {
  const script = join(world.directory, "client.ts");
  await Bun.write(script, client);
  const run = Bun.spawn(inWorld([process.execPath, script, socket, ...argv]), {
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: process.env["PATH"] ?? "", PROXY: `http://run-1:${token.token}@127.0.0.1:3128` },
  });
  const [out, err] = await Promise.all([new Response(run.stdout).text(), new Response(run.stderr).text()]);
  return out + err;
}

beforeAll(async () => {
  world = await new World().start();
  socket = await world.tell({ do: "open", name: "proxy" });
  const grant = { run: "run-1", agent: "worker", expires_at: new Date(Date.now() + 600_000).toISOString() };
  token = await world.tell({ do: "issue", grant });
  await world.tell({ do: "name", name: "site.example", answers: [{ a: [publicIpv4] }] });
});
afterAll(() => world.stop());

describe("through the relay", () => {
  test("curl reaches a host it is allowed to, and its end is the end of the relay's work", async () => {
    const said = await inside("curl", "-sS", "--cacert", world.certificate, "https://site.example/");
    expect(said).toContain("ready 1\n");
    expect(said).toContain(`site.example at ${publicIpv4}`);
    expect(said).toContain("status 0\nrelay 0\n");
  });

  test("the runtime's fetch reaches it too", async () => {
    const script = join(world.directory, "fetch.ts");
    const ca = JSON.stringify(world.certificate);
    await Bun.write(
      script,
      `const tls = { ca: await Bun.file(${ca}).text() };
       console.log(await (await fetch("https://site.example/", { tls, proxy: process.env.HTTPS_PROXY })).text());`,
    );
    expect(await inside(process.execPath, script)).toContain(`site.example at ${publicIpv4}`);
  });

  test("nobody reaches a host policy refuses, or anything past the proxy", async () => {
    await world.tell({ do: "name", name: "denied.example", answers: [{ a: [publicIpv4] }] });
    const refused = await inside("curl", "-sS", "-k", "https://denied.example/");
    expect(refused).toMatch(/403/);
    expect(refused).not.toContain("status 0");
    const direct = await inside("curl", "-sS", "-k", "--noproxy", "*", `https://${publicIpv4}/`);
    expect(direct).not.toContain("status 0");
  });
});

test("arguments that are none end it with status 2", async () => {
  for (const argv of [
    [],
    ["0", "/x"],
    ["80", "relative"],
    ["80", "/x", "y"],
    ["65536", "/x"],
    ["80", "/x", "3", "4"],
  ]) {
    const run = Bun.spawnSync([process.execPath, main, "__relay", ...argv], { env: {} });
    expect([argv, run.exitCode, run.stdout.toString()]).toEqual([argv, 2, ""]);
  }
});
