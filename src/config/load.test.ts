import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { loadConfig, parseConfig } from "./load.ts";
import { redactConfig, redactUpdates } from "./redact.ts";
import { configFields, settingSchemas } from "./settings.ts";
import { defaultConfig, defaultConfigText } from "./template.ts";

const dir = mkdtempSync(join(tmpdir(), "reeve-config-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function faultOf(act: () => unknown): Fault {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

const refusal = (text: string) => faultOf(() => parseConfig(text, "c"));
const issues = (text: string) => refusal(text).data?.["issues"];

describe("parseConfig", () => {
  test("fills defaults for what is left out and takes what is there", () => {
    const config = parseConfig('{ "engine": { "max_tool_iterations": 7 }, /* c */ }', "c");
    expect(config.engine).toMatchObject({ max_tool_iterations: 7, tool_timeout_ms: 900_000, max_concurrent_runs: 64 });
    expect(config).toMatchObject({
      workspace: { root: "workspace" },
      agent: { default: "default" },
      model: { provider: "offline", name: null },
    });
    expect(config).toMatchObject({
      output: { max_message_bytes: 1_048_576 },
      ledger: { witness_file: null, checkpoint_entries: 256, checkpoint_interval_ms: 60_000 },
    });
    expect(config.warnings).toEqual([]);
  });

  test("1e6 is an integer", () => {
    expect(parseConfig('{"engine": {"tool_timeout_ms": 1e6}}', "c").engine.tool_timeout_ms).toBe(1_000_000);
  });

  test("what is no integer within the range is refused and never replaced", () => {
    for (const value of ["1.5", '"10"', "0", "-1", "10001", "null", "true", "[1]", "{}"]) {
      const fault = refusal(`{"engine": {"max_concurrent_runs": ${value}}}`);
      expect([fault.code, fault.message]).toEqual([
        "invalid_argument",
        expect.stringContaining("engine.max_concurrent_runs: must be an integer from 1 to 10000, not "),
      ]);
    }
  });

  test("an unknown key is refused with its place and the nearest name", () => {
    const fault = refusal('{\n  "engine": {\n    "max_tool_iteration": 7\n  }\n}');
    expect(fault.toRecord()).toMatchObject({
      code: "invalid_argument",
      message: "c: engine.max_tool_iteration: unknown key (line 3 column 5)",
      hint: 'did you mean "engine.max_tool_iterations"?',
    });
    expect(refusal('{"modle": {}}').hint).toBe('did you mean "model"?');
    expect(refusal('{"max_tool_iterations": 1}').hint).toBe('did you mean "engine.max_tool_iterations"?');
    expect(refusal('{"engine.tool_timeout_ms": 1000}').code).toBe("invalid_argument");
    expect(refusal('{"constructor": 1}').message).toContain("constructor: unknown key");
  });

  test("every issue is reported at once", () => {
    const text =
      '{"engine": {"max_tool_iterations": 0, "tool_timeout": 1}, "model": 3, "agent": {"default": "../../x"}}';
    expect(issues(text)).toEqual([
      "engine.max_tool_iterations: must be an integer from 1 to 10000, not 0 (line 1 column 13)",
      "engine.tool_timeout: unknown key (line 1 column 39)",
      "model: must be an object of settings (line 1 column 59)",
      "agent.default: must be an agent name: lowercase letters, digits, '-' or '_' (line 1 column 81)",
    ]);
  });

  test("refuses a workspace that is the whole machine, and a witness inside the home", () => {
    for (const root of ["/", "//", "/a/..", "", "a\\u0007"])
      expect(issues(`{"workspace": {"root": "${root}"}}`)).toHaveLength(1);
    expect(issues('{"ledger": {"witness_file": "witness"}}')).toEqual([
      "ledger.witness_file: must be an absolute path outside the home (line 1 column 13)",
    ]);
  });

  test("a file that is no object, half-written or not there is a fault that names it", () => {
    expect(refusal("[]").message).toBe("c is not a JSON object");
    expect(refusal('{"engine": {').code).toBe("data_loss");
    const path = join(dir, "absent.json");
    expect(faultOf(() => loadConfig(path)).toRecord()).toMatchObject({
      code: "not_found",
      message: `${path}: no such file or directory`,
    });
  });
});

describe("the earlier system's file", () => {
  test("keeps what still means something and warns of each setting that does not", () => {
    const text = `{
      "network": { "enabled": true, "allowed_domains": ["api.github.com", "*.example.com", "localhost"], "allow_localhosts": false },
      "shell": { "enable_exec": true, "allowed_commands": ["git status"] },
      "server": { "bind_address": "127.0.0.1", "port": 8080 },
      "engine": { "max_concurrent_runs": 8, "default_run_timeout_ms": 0 },
      "workspace": { "root": "./workspace" },
      "model": { "provider": "zai", "name": "GLM-4.7", "temperature": 0.2, "max_tokens": 20000 },
      "providers": { "openai": { "base_url": "https://x", "api_key": "", "api_key_env": "K", "headers": { "X-Title": "t" } } },
      "chat": { "default_agent_id": "house" },
      "secrets": { "store_file": ".x/secrets.enc" }
    }`;
    const config = parseConfig(text, "c");
    expect(config).toMatchObject({
      engine: { max_concurrent_runs: 8 },
      workspace: { root: "./workspace" },
      model: { provider: "zai", name: "GLM-4.7" },
    });
    expect(config.agent.default).toBe("house");
    expect(config.warnings.map((warning) => warning.split(" ")[0])).toEqual([
      "network.enabled",
      "network.allowed_domains",
      "network.allow_localhosts",
      "shell.enable_exec",
      "shell.allowed_commands",
      "server.bind_address",
      "server.port",
      "engine.default_run_timeout_ms",
      "secrets.store_file",
      "model.max_tokens",
      "chat.default_agent_id",
    ]);
    expect(config.model).toMatchObject({ temperature: 0.2, max_output_tokens: 20_000 });
    expect(config.providers.openai).toMatchObject({
      base_url: "https://x",
      api_key_env: "K",
      headers: { "X-Title": "t" },
    });
    expect(config.warnings.at(-1)).toBe("chat.default_agent_id is now called agent.default");
  });

  test("the new name wins over the old one", () => {
    const config = parseConfig('{"chat": {"default_agent_id": "old"}, "agent": {"default": "new"}}', "c");
    expect([config.agent.default, ...config.warnings]).toEqual([
      "new",
      "chat.default_agent_id has no effect: agent.default is set",
    ]);
  });

  test("what opens everything is refused with the reason, though it would have no effect", () => {
    expect(refusal('{"shell": {"allowed_commands": ["git", "*"]}}').message).toContain(
      'shell.allowed_commands: refused: "*" admits every command',
    );
    for (const domain of ["com", "*.com", ".com", "COM", "co.uk", "*.co.uk", "*", "", "com."]) {
      const fault = refusal(JSON.stringify({ network: { allowed_domains: ["api.github.com", domain] } }));
      expect([domain, fault.message.includes("network.allowed_domains: refused:")]).toEqual([domain, true]);
    }
  });
});

describe("secrets", () => {
  test("a literal is refused with the vault's name for it, and never repeated", () => {
    const secret = "sk-verysecret-0123456789";
    const places = [
      [{ providers: { zai: { headers: { Authorization: secret } } } }, "reeve secrets set provider/zai/authorization"],
      [{ providers: { zai: { headers: { "x-api-key": secret } } } }, "reeve secrets set provider/zai/x-api-key"],
      [{ providers: { zai: { headers: { "X-Auth-Key": secret } } } }, "reeve secrets set provider/zai/x-auth-key"],
      [{ discord: { token: secret } }, "reeve secrets set channel/discord/token"],
      [{ model: { api_key: secret } }, "reeve secrets set model/api_key"],
      [{ api_key: secret }, "reeve secrets set api_key"],
    ] as const;
    for (const [value, hint] of places) {
      const fault = refusal(JSON.stringify(value));
      expect(fault.hint).toContain(hint);
      expect(JSON.stringify(fault.toRecord())).not.toContain("verysecret");
    }
  });

  test("a value of the wrong place or type is not repeated either", () => {
    for (const value of [
      { engine: { tool_timeout_ms: "verysecret" } },
      { model: { provider: "VERYSECRET verysecret" } },
      { foo: { password: "verysecret" } },
      { providers: { openai: { api_key: ["verysecret"] } } },
    ]) {
      expect(JSON.stringify(refusal(JSON.stringify(value)).toRecord())).not.toContain("verysecret");
    }
  });

  test("a provider's key is taken, with a warning that does not repeat it, and is never shown", () => {
    const config = parseConfig(JSON.stringify({ providers: { openai: { api_key: "sk-verysecret-0123456789" } } }), "c");
    expect(config.warnings).toEqual([
      "providers.openai.api_key stands in the clear: remove it and run: reeve secrets set provider/openai/api_key",
    ]);
    expect(config.providers.openai.api_key).toBe("sk-verysecret-0123456789");
    expect(JSON.stringify(redactConfig(config))).not.toContain("verysecret");
  });

  test("a key of digits is not repeated either", () => {
    const fault = refusal('{"providers": {"openai": {"api_key": 98765432123}}}');
    expect(fault.message).toContain("providers.openai.api_key: must be text or null, not that");
    expect(JSON.stringify(fault.toRecord())).not.toContain("98765432123");
  });

  test("changes are recorded without what may be a secret, by its name or by having none", () => {
    const changes = {
      "model.name": "m",
      "providers.openai.api_key": "verysecret",
      "providers.openai.headers": { "X-Title": "t", "X-Api-Key": "verysecret" },
      "model.prices": { "a/b": { input_usd: 1, output_usd: 2 } },
      "providers.openai.key": "verysecret",
      "providers.zai.api_key": null,
    };
    expect(redactUpdates(changes)).toEqual({
      "model.name": "m",
      "providers.openai.api_key": "[secret]",
      "providers.openai.headers": { "X-Title": "t", "X-Api-Key": "[secret]" },
      "model.prices": { "a/b": { input_usd: 1, output_usd: 2 } },
      "providers.openai.key": "[secret]",
      "providers.zai.api_key": null,
    });
    expect(redactUpdates("verysecret")).toBe("[secret]");
  });

  test("prices, lists and addresses are what they say", () => {
    const model = { prices: { "openai/m": { input_usd: 1.25, output_usd: 10 } }, fallback: ["zai/glm"] };
    expect(parseConfig(JSON.stringify({ model }), "c").model).toMatchObject(model);
    for (const wrong of [
      { model: { prices: { "openai/m": { input_usd: -1, output_usd: 1 } } } },
      { model: { prices: { m: { input_usd: 1, output_usd: 1 } } } },
      { model: { fallback: ["glm"] } },
      { model: { temperature: 2.1 } },
      { providers: { openai: { base_url: "https://user:verysecret@x" } } },
      { providers: { openai: { base_url: "file:///etc/passwd" } } },
      { providers: { openai: { base_url: "https://x/v1?key=verysecret" } } },
      { budget: { run_usd: "1" } },
    ]) {
      expect([wrong, refusal(JSON.stringify(wrong)).code]).toEqual([wrong, "invalid_argument"]);
    }
  });

  test("a reference to the vault is no literal", () => {
    const text = JSON.stringify({ providers: { openai: { api_key: "{{secret:provider/openai/api_key}}" } } });
    expect(parseConfig(text, "c").warnings).toHaveLength(1);
  });
});

const types = /^(?:text|object|list of text|[a-z_]+(?:, [a-z_]+)+|(?:integer|number) from \d+ to \d+)(?: or null)?$/;

describe("the table of settings", () => {
  test("describes every setting with a type, a default that is valid, and a sentence", () => {
    const fields = configFields();
    expect(fields.map(({ field }) => field)).toEqual([...settingSchemas.keys()]);
    for (const { field, type, summary } of fields) {
      expect([field, type]).toEqual([field, expect.stringMatching(types)]);
      expect(summary).toMatch(/^[A-Z].*\.$/);
    }
    expect(fields.find(({ field }) => field === "engine.tool_timeout_ms")).toEqual({
      field: "engine.tool_timeout_ms",
      type: "integer from 100 to 86400000",
      default: 900_000,
      summary: "Milliseconds a tool call may take unless the tool says otherwise.",
    });
  });

  test("is the table in the specification", async () => {
    const spec = await Bun.file(join(import.meta.dir, "../../docs/specs/config.md")).text();
    const rows = [...spec.matchAll(/^\| `([a-z_.]+)` +\|(.*)\|(.*)\|(.*)\|$/gm)].map((row) =>
      row.slice(1).map((cell) => cell.trim()),
    );
    const wanted = configFields().map(({ field, type, summary, ...rest }) => [
      field,
      type,
      `\`${JSON.stringify(rest.default)}\``,
      summary,
    ]);
    expect(rows).toEqual(wanted);
  });

  test("the new file holds every setting with its default and comment, and given values instead", () => {
    expect(parseConfig(defaultConfigText(), "c")).toEqual(defaultConfig());
    const text = defaultConfigText({ "workspace.root": "/srv/files", "agent.default": "house" });
    expect(parseConfig(text, "c")).toMatchObject({ workspace: { root: "/srv/files" }, agent: { default: "house" } });
    const listed = configFields().filter(({ field }) => !field.startsWith("providers."));
    for (const { summary } of listed) expect(text).toContain(`// ${summary}\n`);
    expect(faultOf(() => defaultConfigText({ "workspace.root": "/" })).code).toBe("invalid_argument");
  });

  test("redactConfig shows the settings and not the warnings, which quote the file", () => {
    writeFileSync(join(dir, "c.json"), '{"chat": {"enabled": true}}');
    const config = loadConfig(join(dir, "c.json"));
    expect(config.warnings).toHaveLength(1);
    expect(Object.keys(redactConfig(config))).toEqual([
      "workspace",
      "agent",
      "model",
      "providers",
      "engine",
      "context",
      "budget",
      "approvals",
      "taint",
      "output",
      "sandbox",
      "egress",
      "ledger",
    ]);
  });
});
