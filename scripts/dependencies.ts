/** docs/security/dependencies.md: every package that can reach the binary or the build, why it is there and what it may do. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { check } from "../src/core/schema.ts";
import { table } from "./catalogue.ts";

/** Why each package we ask for is here. A dependency without a sentence fails the generator, and so does a sentence without one. */
const reasons: Readonly<Record<string, string>> = {
  "@anthropic-ai/sdk":
    "the Messages interface of Anthropic: streams, caching, thinking; loaded only when its model is asked",
  "@biomejs/biome": "lint, above all the bans on ambient authority in tools and providers; never in the binary",
  "@cfworker/json-schema": "checks an answer against the JSON Schema it was asked for, without generating code",
  "@clack/prompts": "questions at a terminal (`init`, `setup`, hidden secrets), loaded only where a person is asked",
  "@noble/ciphers": "XChaCha20-Poly1305 for vault records, which the runtime does not have",
  "@noble/hashes": "Argon2id for passphrases, and the oracle against which the native hashes are tested",
  "@noble/post-quantum": "ML-DSA-44 (FIPS 204), the second signature of every checkpoint",
  "@valibot/to-json-schema": "JSON Schema of a tool's input for models, the catalogue and later the API",
  "age-encryption": "export and import of secrets in the age format, readable without Reeve",
  bun: "runtime, compiler, test runner, formatter and type checker, from one pinned package",
  "bun-types": "types of the runtime",
  commander: "command line parsing and help, loaded after the `--version` path",
  "fast-check": "property tests",
  "jsonc-parser": "policy and config with comments, edited without losing them",
  knip: "finds files, exports and dependencies nobody uses",
  openai:
    "the types our requests to the chat and responses interfaces are held to; its client would cost every run 8 ms and 8 MB",
  unbash: "the grammar of bash, to find every command in a line of shell; plain JavaScript without WebAssembly",
  valibot: "checks everything that comes from outside; small, and cheap to start",
};

const Manifest = v.object({
  version: v.string(),
  license: v.optional(v.string(), "not stated"),
  dependencies: v.optional(v.record(v.string(), v.string()), {}),
  devDependencies: v.optional(v.record(v.string(), v.string()), {}),
  trustedDependencies: v.optional(v.array(v.string()), []),
  scripts: v.optional(v.record(v.string(), v.string()), {}),
});
type Manifest = v.InferOutput<typeof Manifest>;

/** Place in the tree (`a/b` is b installed beneath a) to `[name@version, url, {dependencies}, integrity]`. */
const Lock = v.object({
  packages: v.record(
    v.string(),
    v.looseTuple([
      v.string(),
      v.string(),
      v.object({ dependencies: v.optional(v.record(v.string(), v.string()), {}) }),
    ]),
  ),
});
type Lock = v.InferOutput<typeof Lock>;

export async function renderDependencies(root: string): Promise<string> {
  const manifest = await manifestAt(join(root, "package.json"));
  const lock = check(Lock, Bun.JSONC.parse(await Bun.file(join(root, "bun.lock")).text()), "bun.lock");
  const direct = Object.keys(manifest.dependencies).sort();
  const tools = Object.keys(manifest.devDependencies).sort();
  const folder = (place: string) => join(root, "node_modules", ...segments(place).join("/node_modules/").split("/"));
  const installed = (place: string) => manifestAt(join(folder(place), "package.json"));

  const asked = [...direct, ...tools];
  const unexplained = asked.filter((name) => !reasons[name]);
  const stale = Object.keys(reasons).filter((name) => !asked.includes(name));
  if (unexplained.length || stale.length) {
    throw new Error(
      `scripts/dependencies.ts: no reason for ${unexplained.join(", ") || "-"}; a reason too many for ${stale.join(", ") || "-"}`,
    );
  }

  const shipped = closure(direct, lock);
  const reached = shipped.filter((name) => !direct.includes(name));
  const bun = await installed("bun");
  const row = async (place: string) => {
    const own = await installed(place);
    const kibibytes = Math.round(sizeOf(folder(place)) / 1024);
    const [within, name] = [segments(place).slice(0, -1).join(" > "), segments(place).at(-1) ?? ""];
    const shown = within ? `${name} (in ${within})` : name;
    return [shown, own.version, own.license, installScripts(own, name, manifest), `${kibibytes} KiB`];
  };
  const toolRow = async (name: string) => {
    const own = await installed(name);
    return [name, own.version, own.license, installScripts(own, name, manifest), reasons[name] ?? ""];
  };

  return [
    "# Dependencies",
    "",
    "Written by `make docs` from `package.json`, `bun.lock` and the installed packages: do not edit. The reasons stand in `scripts/dependencies.ts`.",
    "",
    "Versions are exact, `bun.lock` pins every tarball by SHA-512, packages younger than a week are not installed, and no package",
    "runs a script at installation except those marked *runs*. Sizes are those of the installed package, of which the bundler",
    "takes only what is imported.",
    "",
    `## In the binary: ${shipped.length} packages`,
    "",
    ...table(
      ["package", "version", "licence", "install script", "size", "why"],
      await Promise.all(direct.map(async (name) => [...(await row(name)), reasons[name] ?? ""])),
    ),
    "Reached through those:",
    "",
    ...table(["package", "version", "licence", "install script", "size"], await Promise.all(reached.map(row))),
    `The runtime itself, Bun ${bun.version} (${bun.license}), is part of every compiled binary and nearly all of its size, about 100 MB. It links`,
    "JavaScriptCore (LGPL-2), BoringSSL, SQLite and others statically; their licences, and how to relink it with a changed",
    "JavaScriptCore, are in [its licence](https://bun.com/docs/project/license).",
    "",
    `## Only in the build: ${tools.length} packages asked for`,
    "",
    ...table(["package", "version", "licence", "install script", "why"], await Promise.all(tools.map(toolRow))),
    `With everything those bring along, for every operating system, \`bun.lock\` names ${Object.keys(lock.packages).length} packages.`,
    "",
  ].join("\n");
}

/** The places of everything a set of packages needs at run time, the set itself included, sorted. */
function closure(names: readonly string[], lock: Lock): readonly string[] {
  const seen = new Set<string>();
  const queue = [...names];
  for (let place = queue.shift(); place !== undefined; place = queue.shift()) {
    if (seen.has(place)) continue;
    seen.add(place);
    const from = segments(place);
    for (const name of Object.keys(lock.packages[place]?.[2].dependencies ?? {})) {
      const above = from.map((_, i) => [...from.slice(0, from.length - i), name].join("/"));
      queue.push(above.find((each) => lock.packages[each]) ?? name);
    }
  }
  return [...seen].sort();
}

/** `a/@b/c` as `["a", "@b/c"]`. */
function segments(place: string): readonly string[] {
  return place.match(/@[^/]+\/[^/]+|[^/]+/g) ?? [];
}

function installScripts(own: Manifest, name: string, ours: Manifest): string {
  const has = ["preinstall", "install", "postinstall"].filter((script) => own.scripts[script]);
  if (has.length === 0) return "none";
  return `${has.join(", ")}: ${ours.trustedDependencies.includes(name) ? "*runs*" : "not run"}`;
}

function sizeOf(path: string): number {
  if (!existsSync(path)) return 0;
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries.reduce(
    (sum, entry) =>
      entry.isFile() && !join(entry.parentPath, "/").slice(path.length).includes("/node_modules/")
        ? sum + statSync(join(entry.parentPath, entry.name)).size
        : sum,
    0,
  );
}

async function manifestAt(path: string): Promise<Manifest> {
  return check(Manifest, await Bun.file(path).json(), path);
}
