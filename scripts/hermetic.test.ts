/** The wrapper around the tests does what it says, and each of its walls, taken away, is noticed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hermetic } from "./hermetic.ts";

const home = mkdtempSync(join(tmpdir(), "reeve-hermetic-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** What a program sees from inside: variables, time zone, a server on loopback, and an address that is not loopback's. */
const look = `
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("here") });
const loopback = await fetch(server.url).then((answer) => answer.text(), (error) => String(error));
await server.stop(true);
const outside = await new Promise((resolve) => {
  const timer = setTimeout(() => resolve("no answer"), 3000);
  const over = (words) => { clearTimeout(timer); resolve(words); };
  Bun.connect({ hostname: "192.0.2.1", port: 9, socket: { data() {}, open: () => over("connected"), connectError: (_, error) => over(error.code ?? "error") } })
    .catch((error) => over(error.code ?? "error"));
});
const routes = (await Bun.file("/proc/net/route").text()).trim().split("\\n").length - 1;
console.log(JSON.stringify({ names: Object.keys(process.env).sort(), zone: new Date(0).getTimezoneOffset(), loopback, outside, routes }));
process.exit(0);
`;

interface Seen {
  readonly names: readonly string[];
  readonly zone: number;
  readonly loopback: string;
  readonly outside: string;
  readonly routes: number;
}

function run(argv: readonly string[], env: Readonly<Record<string, string>>): Seen {
  const child = Bun.spawnSync([...argv], { env, stdout: "pipe", stderr: "inherit" });
  return JSON.parse(child.stdout.toString()) as Seen;
}

const command = [process.execPath, "-e", look];
/** What is wrong with what was seen; nothing when every wall stands. */
function breaches({ names, zone, loopback, outside, routes }: Seen): readonly string[] {
  return [
    ...(names.some((name) => name.startsWith("PLANTED") || name === "OPENAI_API_KEY") ? ["environment"] : []),
    ...(zone === 0 ? [] : ["time zone"]),
    ...(loopback === "here" ? [] : ["loopback"]),
    ...(routes === 0 && outside !== "connected" ? [] : ["network"]),
  ];
}

describe("inside", () => {
  beforeAll(() => {
    process.env["PLANTED"] = "1";
    process.env["OPENAI_API_KEY"] = "sk-planted";
  });
  afterAll(() => {
    delete process.env["PLANTED"];
    delete process.env["OPENAI_API_KEY"];
  });

  test("nothing of the caller is there, the zone is UTC, and only loopback answers", () => {
    const { argv, env, open_network } = hermetic(command, home);
    // As root, as in continuous integration, the network must be closed.
    if (process.getuid?.() === 0) expect(open_network).toBeUndefined();
    const found = breaches(run(argv, env));
    expect(found).toEqual(open_network === undefined ? [] : ["network"]);
  });

  test("a planted variable is noticed when the environment is let in", () => {
    const { argv, env } = hermetic(command, home);
    expect(breaches(run(argv, { ...env, PLANTED: "1" }))).toContain("environment");
  });

  test("another time zone is noticed", () => {
    const { argv, env } = hermetic(command, home);
    expect(breaches(run(argv, { ...env, TZ: "Asia/Kathmandu" }))).toContain("time zone");
  });

  test("a route to the outside is noticed", () => {
    const seen = run(command, hermetic(command, home).env);
    expect(breaches({ ...seen, routes: 1 })).toContain("network");
  });

  test("a namespace without loopback is noticed", () => {
    const { argv, env, open_network } = hermetic(command, home);
    if (open_network !== undefined) return expect(argv).toEqual(command);
    expect(breaches(run(["unshare", "--net", "--", ...command], env))).toContain("loopback");
  });
});
