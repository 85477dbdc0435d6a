/** A program of an agent on its way out: through the relay, the proxy of its call and policy, to a server it was allowed. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setConfig } from "../src/config/set.ts";
import { isJsonObject, type Json } from "../src/core/canonical.ts";
import { type Home, homeAt } from "../src/core/home.ts";
import { startNameServer } from "../src/egress/name-server.ts";
import { makeCertificate, startWebServer, type WebServer } from "../src/egress/testdata/web-server.ts";
import { initHome } from "../src/engine/init.ts";
import { openTail } from "../src/ledger/tail.ts";
import { savePolicy } from "../src/policy/change.ts";
import { loadPolicy } from "../src/policy/policy.ts";
import { EgressStore } from "../src/store/egress.ts";
import { StateFile } from "../src/store/state.ts";

const binary = join(import.meta.dir, "..", "dist", "reeve");
const certificate = makeCertificate("api.example.org", "www.example.org");
let directory: string;
let home: Home;
let names: Awaited<ReturnType<typeof startNameServer>>;
let server: WebServer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "reeve-out-"));
  home = homeAt(join(directory, "home"));
  names = await startNameServer();
  for (const name of ["api.example.org", "www.example.org"]) names.set(name, { a: ["127.0.0.1"] });
  const body = "from outside";
  server = await startWebServer(
    () => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    { tls: certificate },
  );
  await initHome({ home, witness: join(directory, "witness"), agent: "bot", profile: "observer", force: false });
  const places = ["api.example.org", "www.example.org"].map((name) => `${name}:${server.port}`);
  setConfig(home.config, { "egress.private_hosts": places, "egress.dns_servers": [names.address] }, { dry_run: false });
  const grants = ["code.run:python", "fs.read:**", ...places.map((place) => `http.request:CONNECT ${place}`)];
  const granted = grants.map((capability, i) => ({
    id: `g${i}`,
    capability,
    expires_at: null,
    provenance: { by: "operator", via: "test", at: "2026-01-01T00:00:00Z" },
  }));
  savePolicy(home.policy, { ...loadPolicy(home.policy), agents: new Map([["bot", granted]]) });
  writeFileSync(join(home.root, "workspace", "ca.pem"), certificate.cert, { mode: 0o644 });
});
afterAll(() => {
  server.close();
  names.close();
  rmSync(directory, { recursive: true });
});

const get = `
import os, ssl, sys, urllib.request
trust = ssl.create_default_context(cafile="ca.pem")
for url in sys.argv[1:]:
    try: print(urllib.request.urlopen(url, context=trust, timeout=20).read().decode())
    except OSError as problem: print("refused:", problem)
print("DIRECT", end=" ")
try: print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1], timeout=5).read())
except OSError as problem: print("refused")
print(os.environ["HTTPS_PROXY"])
`;

interface Said {
  readonly state: Json;
  readonly stdout: string;
  readonly code: string;
  readonly run: string;
}

async function run(network: readonly string[], urls: readonly string[]): Promise<Said> {
  const input = { language: "python", code: get, args: urls, fs_read: ["."], network };
  const message = `/tool code.run ${JSON.stringify(input)}`;
  const argv = [binary, "--home", home.root, "run", "--as", "agent:bot", "--message", message, "--json"];
  const child = Bun.spawn(argv, { stdout: "pipe", stderr: "pipe", env: { PATH: "/usr/bin:/bin" } });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  await child.exited;
  const said: unknown = JSON.parse(out === "" ? err : out);
  if (!isJsonObject(said)) throw new Error(err);
  const [call] = Array.isArray(said["calls"]) ? said["calls"] : [];
  const output = isJsonObject(said["output"]) ? said["output"] : {};
  return {
    state: said["state"] ?? null,
    stdout: String(output["stdout"]),
    code: isJsonObject(call) ? String(call["code"]) : "",
    run: String(said["run_id"]),
  };
}

const place = (name: string) => `${name}:${server.port}`;
const site = (name: string) => `https://${place(name)}/`;

test("a program reaches what its call was allowed, by the proxy alone, and all of it is written down", async () => {
  const before = server.connections();
  const {
    state,
    stdout,
    run: id,
  } = await run([place("api.example.org")], [site("api.example.org"), site("www.example.org")]);
  const lines = stdout.trim().split("\n");
  expect(state).toBe("completed");
  // The second is granted to the agent, and the call did not name it.
  expect(lines.slice(0, 3)).toEqual([
    "from outside",
    "refused: <urlopen error Tunnel connection failed: 403 Forbidden>",
    "DIRECT refused",
  ]);
  expect(lines[3]).toBe(`http://${id}:[secret:egress]@127.0.0.1:3128`);
  expect(server.connections()).toBe(before + 1);
  const tail = openTail(home.ledger);
  const entries = tail.last("", 100).filter((entry) => entry.run === id);
  tail.close();
  const facts = entries.flatMap(({ type, actor, payload }) =>
    type.startsWith("egress.") && isJsonObject(payload) ? [[type, actor, payload["host"] ?? ""]] : [],
  );
  // The end of the one and the refusal of the other come in any order.
  expect(facts[0]).toEqual(["egress.open", "agent:bot", "api.example.org"]);
  expect(facts.slice(1).sort()).toEqual([
    ["egress.closed", "agent:bot", "api.example.org"],
    ["egress.refused", "agent:bot", "www.example.org"],
  ]);
  expect(entries.map(({ type }) => type).filter((type) => /^(?:call|sandbox)/.test(type))).toEqual([
    "call.intent",
    "sandbox.exec",
    "call.outcome",
  ]);
});

test("its token ends with it, and stands nowhere", async () => {
  const { stdout, run: id } = await run([place("api.example.org")], [site("api.example.org")]);
  expect(stdout).toContain("from outside");
  const store = new EgressStore(new StateFile(home.database));
  const rows = store.list().filter((row) => row.run === id);
  expect(rows).toMatchObject([{ agent: "bot", connections: 1 }]);
  expect(rows.map(({ revoked_at }) => revoked_at !== null)).toEqual([true]);
  const [token = ""] = rows.map((row) => `reeve1.${row.id}.`);
  const files = readdirSync(home.root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const holding = files.filter((file) => readFileSync(join(file.parentPath, file.name)).includes(token));
  expect(files.length).toBeGreaterThan(5);
  expect(holding.map(({ name }) => name)).toEqual([]);
});

test("a place that is not granted refuses the program before it starts, and one that is nothing for anybody too", async () => {
  const before = server.connections();
  expect(await run([`evil.example.org:${server.port}`], [site("api.example.org")])).toMatchObject({
    code: "policy.denied",
  });
  expect(await run(["169.254.169.254:80"], [site("api.example.org")])).toMatchObject({ code: "policy.denied" });
  expect(server.connections()).toBe(before);
});
