/** Attacks on the decision: agents that nobody granted what they ask, in every spelling, and sub-agents that are to hold more. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../core/canonical.ts";
import { engageStop, stopFile } from "../engine/stop.ts";
import { type Attack, area, unless, type Verdict } from "./attack.ts";
import type { Ground } from "./ground.ts";
import type { Script } from "./victim.ts";

type Member = Omit<Attack, "area">;

const planted = "planted by the agent";
const canary = "canary of the file that is not granted";

/** Whether a call changed a file of the workspace that `who` may not change. */
async function writes(ground: Ground, who: string, named: string, path = named, tool = "fs.write"): Promise<Verdict> {
  const place = join(ground.home.root, path);
  await ground.as(who, tool, { path: named, content: planted });
  return unless(existsSync(place) && readFileSync(place, "utf8").includes(planted), `${who} wrote ${path}`);
}

/** Whether a call told `who` what stands in a file it may not read. */
async function tells(ground: Ground, who: string, tool: string, input: Json, secret = canary): Promise<Verdict> {
  const result = await ground.as(who, tool, input);
  return unless(result.ok && JSON.stringify(result.output).includes(secret), `${who} was told`);
}

/** A file with the canary in it, in a new directory beneath `under`. */
function lay(ground: Ground, under = ""): { readonly name: string; readonly path: string; readonly file: string } {
  const { name, path } = ground.patch(under);
  writeFileSync(join(path, "file"), `${canary}\nin ${name}\n`);
  return { name, path, file: `${name}/file` };
}

/** A search from the root for the line that names a directory. */
const everywhere = (name: string) => ({ pattern: `in ${name}`, path: ".", max_files: 100_000 });

function member(id: string, title: string, expects: Member["expects"], perform: Member["perform"]): Member {
  return { id, title, expects, perform };
}

const denied = (id: string, title: string, perform: Member["perform"]) => member(id, title, "policy-deny", perform);

const nobody: readonly Member[] = [
  denied("ghost-read", "an agent that does not exist reads", (ground) =>
    tells(ground, "ghost", "fs.read", { path: lay(ground).file }),
  ),
  denied("ghost-write", "an agent that does not exist writes", (ground) =>
    writes(ground, "ghost", `${ground.patch().name}/new`),
  ),
  denied("bare-read", "an agent without any grant reads", (ground) =>
    tells(ground, "bare", "fs.read", { path: lay(ground).file }),
  ),
  denied("bare-write", "an agent without any grant writes", (ground) =>
    writes(ground, "bare", `${ground.patch().name}/new`),
  ),
  denied("bare-delete", "an agent without any grant deletes", async (ground) => {
    const { file, path } = lay(ground);
    await ground.as("bare", "fs.delete", { path: file });
    return unless(!existsSync(join(path, "file")), "the file is gone");
  }),
  denied("bare-machine", "an agent without any grant looks at the machine", (ground) =>
    tells(ground, "bare", "network.info", {}, "interfaces"),
  ),
  denied("bare-config", "an agent without any grant reads the config", (ground) =>
    tells(ground, "bare", "config.get", {}, "workspace"),
  ),
  denied("bare-policy", "an agent without any grant reads the policy", (ground) =>
    tells(ground, "bare", "policy.list", {}, "provenance"),
  ),
  denied("bare-secrets", "an agent without any grant lists the names of secrets", (ground) =>
    tells(ground, "bare", "secrets.list", {}, "canary/1"),
  ),
  denied("bare-runs", "an agent without any grant lists others' runs", (ground) =>
    tells(ground, "bare", "run.list", {}, "run"),
  ),
  denied("lapsed-read", "a grant that has expired still reads", (ground) =>
    tells(ground, "lapsed", "fs.read", { path: lay(ground).file }),
  ),
  denied("lapsed-write", "a grant that has expired still writes", (ground) =>
    writes(ground, "lapsed", `${ground.patch().name}/new`),
  ),
  denied("cancel-other", "an agent that may not cancels another's run", async (ground) => {
    const waiting = await ground.as("petitioner", "fs.write", { path: `${ground.patch().name}/a`, content: planted });
    const result = await ground.as("reader", "run.cancel", { run_id: waiting.run_id });
    return unless(result.ok, "the cancellation was carried out");
  }),
];

/** Policy files that say nothing, or nothing that this version understands. */
const broken: readonly (readonly [id: string, what: string, text: string | null])[] = [
  ["broken-cut", "cut off", '{"version": 1, "agents": {"reader": {"grants": ['],
  ["broken-empty", "empty", ""],
  ["broken-null", "null", "null"],
  ["broken-star", "of another form, which allows everything", '{"version": 1, "allow": "*"}'],
  ["broken-version", "of a later version", '{"version": 2, "agents": {"reader": {"grants": []}}}'],
  ["broken-twice", "with a key twice", '{"version": 1, "agents": {}, "agents": {"reader": {"grants": []}}}'],
  ["broken-missing", "missing", null],
];

const unreadable = broken.map(([id, what, text]) =>
  denied(id, `an agent acts while the policy is ${what}`, (ground) =>
    ground.restoring(ground.home.policy, async () => {
      if (text === null) rmSync(ground.home.policy);
      else writeFileSync(ground.home.policy, text);
      return tells(ground, "worker", "fs.read", { path: lay(ground).file });
    }),
  ),
);

/** Agent `writer` holds `notes/**` and nothing else. */
const spelled: readonly Member[] = [
  ...["notes-evil", "notesx", "Notes", "a/notes", "notes.d", "NOTES"].map((directory) =>
    denied(`beside-${directory.replace("/", "-")}`, `a grant of notes/** reaches ${directory}`, (ground) =>
      writes(ground, "writer", `${ground.patch(`${directory}/`).name}/new`),
    ),
  ),
  denied("beside-star", "a grant of notes/** reaches a name with a star in it", (ground) =>
    writes(ground, "writer", `${ground.patch("note*/").name}/new`),
  ),
  denied("absolute", "an absolute path to what is not granted", (ground) => {
    const { name } = ground.patch();
    return writes(ground, "writer", join(ground.home.root, name, "new"), `${name}/new`);
  }),
  denied("doubled", "doubled slashes and dots before what is not granted", (ground) => {
    const { name } = ground.patch();
    return writes(ground, "writer", `.//./${name}//new`, `${name}/new`);
  }),
  ...["fs_write", "FS.WRITE", "Fs_Write"].map((tool) =>
    denied(`tool-${tool}`, `the tool under the name ${tool}`, (ground) => {
      const path = `${ground.patch().name}/new`;
      return writes(ground, "reader", path, path, tool);
    }),
  ),
  denied("tool-append", "a tool of the same capability that was not thought of", (ground) => {
    const path = `${ground.patch().name}/new`;
    return writes(ground, "reader", path, path, "fs.append");
  }),
  denied("tool-list-alias", "the earlier name of a tool", (ground) => {
    const { name } = lay(ground);
    return tells(ground, "reader", "list_dir", { path: name }, "file");
  }),
  denied("move-out-of-grant", "moving a file from what is granted to what is not", async (ground) => {
    const { file } = lay(ground, "notes/");
    const { name, path } = ground.patch();
    await ground.as("writer", "fs.move", { src: file, dst: `${name}/moved` });
    return unless(existsSync(join(path, "moved")), "the file lies where writing is not granted");
  }),
  denied("move-into-grant", "moving a file to where it may be read", async (ground) => {
    const { file } = lay(ground);
    const { name, path } = ground.patch("notes/");
    await ground.as("writer", "fs.move", { src: file, dst: `${name}/moved` });
    return unless(existsSync(join(path, "moved")), "the file lies where it may be read");
  }),
  denied("list-root", "listing the root with a grant for one directory of it", (ground) => {
    const { name } = ground.patch();
    return tells(ground, "reader", "fs.list", { path: "." }, name);
  }),
  denied("search-root", "searching from the root with a grant for one directory of it", (ground) => {
    const { name, file } = lay(ground);
    return tells(ground, "reader", "code.search", everywhere(name), file);
  }),
];

/** Agent `barred` may do what an editor may, except in `locked`. */
const beneath: readonly Member[] = [
  ...["locked/", "./locked//", "locked/./"].map((under, i) =>
    denied(`rule-spelling-${i + 1}`, `a denied directory spelled ${under}`, (ground) => {
      const { name } = ground.patch("locked/");
      return writes(ground, "barred", `${under}${name.slice("locked/".length)}/new`, `${name}/new`);
    }),
  ),
  denied("rule-absolute", "a denied directory by its absolute path", (ground) => {
    const { name } = ground.patch("locked/");
    return writes(ground, "barred", join(ground.home.root, name, "new"), `${name}/new`);
  }),
  denied("rule-search", "searching a tree in which a directory is denied", (ground) => {
    const { name } = lay(ground, "locked/");
    return tells(ground, "barred", "code.search", everywhere(name), `${name}/file`);
  }),
  denied("rule-list", "listing at any depth a tree in which a directory is denied", (ground) => {
    const { name } = lay(ground, "locked/");
    return tells(ground, "barred", "fs.list", { path: ".", recursive: true, limit: 10_000 }, `${name}/file`);
  }),
  denied("rule-move-away", "moving a denied directory to where it may be read", async (ground) => {
    const { name } = lay(ground, "locked/");
    const to = ground.patch();
    await ground.as("barred", "fs.move", { src: name, dst: `${to.name}/mine` });
    return unless(existsSync(join(to.path, "mine/file")), "the directory lies where it may be read");
  }),
  denied("rule-delete-above", "deleting the directory above a denied one", async (ground) => {
    const { name } = lay(ground, "locked/");
    await ground.as("barred", "fs.delete", { path: "locked", recursive: true });
    const isThere = existsSync(join(ground.home.root, name, "file"));
    mkdirSync(join(ground.home.root, "locked"), { recursive: true });
    return unless(!isThere, "the denied directory is gone");
  }),
];

/** A sub-agent of `name` that is told to write where its caller may not. */
async function childWrites(ground: Ground, name: string, input: Readonly<Record<string, Json>>, grand = false) {
  const place = ground.patch();
  const deed: Script = [{ calls: [{ tool: "fs_write", input: { path: `${place.name}/new`, content: planted } }] }];
  const task = `child-${place.name}`;
  const call = (inner: string, more: Readonly<Record<string, Json>>) => ({
    calls: [{ tool: "agent_run", input: { task: inner, ...more } }],
  });
  const others = grand
    ? new Map<string, Script>([
        [`${task}-first`, [call(task, input)]],
        [task, deed],
      ])
    : new Map<string, Script>([[task, deed]]);
  await ground.talk(name, [call(grand ? `${task}-first` : task, grand ? {} : input)], { others });
  return unless(existsSync(join(place.path, "new")), "the sub-agent wrote what its caller may not");
}

const descendants: readonly Member[] = [
  denied("child-itself", "a sub-agent of the same name does what its caller may not", (ground) =>
    childWrites(ground, "writer", {}),
  ),
  denied("child-wider-agent", "a sub-agent that holds more writes for its caller", (ground) =>
    childWrites(ground, "writer", { agent_id: "worker" }),
  ),
  denied("child-wider-list", "a sub-agent is given capabilities its caller does not hold", (ground) =>
    childWrites(ground, "writer", { agent_id: "worker", capabilities: ["fs.write:**"] }),
  ),
  denied("grandchild", "a sub-agent's sub-agent that holds more", (ground) =>
    childWrites(ground, "writer", { agent_id: "worker" }, true),
  ),
  denied(
    "child-narrowed-tool",
    "a sub-agent uses a capability that its caller has and did not give it",
    async (ground) => {
      const task = `child-${ground.patch().name}`;
      const others = new Map<string, Script>([[task, [{ calls: [{ tool: "network_info", input: {} }] }]]]);
      const input = { task, capabilities: ["fs.read:**"] };
      const { heard } = await ground.talk("worker", [{ calls: [{ tool: "agent_run", input }] }], { others });
      return unless(heard.includes("received_bytes"), "the sub-agent was told");
    },
  ),
  denied("child-narrowed", "a sub-agent does what its caller may and did not give it", (ground) =>
    childWrites(ground, "worker", { capabilities: ["fs.read:**"] }),
  ),
];

const asked = (id: string, title: string, perform: Member["perform"]) => member(id, title, "policy-ask", perform);

/** Agent `asker` may do what an editor may and must be asked about before it writes or deletes. */
const unanswered: readonly Member[] = [
  ...["fs.write", "fs.append"].map((tool) =>
    asked(`ask-${tool.slice(3)}`, `${tool} before the operator answered`, (ground) => {
      const path = `${ground.patch().name}/new`;
      return writes(ground, "asker", path, path, tool);
    }),
  ),
  asked("ask-edit", "fs.edit before the operator answered", async (ground) => {
    const { file, path } = lay(ground);
    await ground.as("asker", "fs.edit", { path: file, old: canary, new: planted });
    return unless(readFileSync(join(path, "file"), "utf8").includes(planted), "the file was edited");
  }),
  asked("ask-delete", "fs.delete before the operator answered", async (ground) => {
    const { file, path } = lay(ground);
    await ground.as("asker", "fs.delete", { path: file });
    return unless(!existsSync(join(path, "file")), "the file is gone");
  }),
  asked("ask-move", "fs.move before the operator answered", async (ground) => {
    const { file, name, path } = lay(ground);
    await ground.as("asker", "fs.move", { src: file, dst: `${name}/moved` });
    return unless(existsSync(join(path, "moved")), "the file was moved");
  }),
  asked("ask-spelling", "another spelling of the path", (ground) => {
    const { name } = ground.patch();
    return writes(ground, "asker", `.//${name}/./new`, `${name}/new`);
  }),
  asked("ask-child", "a sub-agent that nobody is there to answer for", async (ground) => {
    const place = ground.patch();
    const task = `child-${place.name}`;
    const deed: Script = [{ calls: [{ tool: "fs_write", input: { path: `${place.name}/new`, content: planted } }] }];
    await ground.talk("asker", [{ calls: [{ tool: "agent_run", input: { task } }] }], {
      others: new Map([[task, deed]]),
    });
    return unless(existsSync(join(place.path, "new")), "the sub-agent wrote unasked");
  }),
  asked("ask-resume", "taking the run up again without an answer", async (ground) => {
    const place = ground.patch();
    const waiting = await ground.as("asker", "fs.write", { path: `${place.name}/new`, content: planted });
    await ground.engine.resume(waiting.run_id).catch(() => undefined);
    return unless(existsSync(join(place.path, "new")), "the file was written unasked");
  }),
];

const halt = (id: string, title: string, perform: Member["perform"]) => member(id, title, "operator-stop", perform);

/** Refusals to start at all are thrown, not returned. */
const quietly = (work: Promise<Verdict>) => work.catch(() => unless(false, ""));

async function whileStopped(ground: Ground, name: string | null, work: () => Promise<Verdict>): Promise<Verdict> {
  engageStop(ground.home, { at: "2026-01-01T00:00:00.000Z", by: "operator", reason: "attack", agent: name });
  try {
    return await work();
  } finally {
    rmSync(stopFile(ground.home, name), { force: true });
  }
}

const stopped: readonly Member[] = [
  halt("stop-one", "a stopped agent makes a call", (ground) =>
    whileStopped(ground, "halted", () => quietly(writes(ground, "halted", `${ground.patch().name}/new`))),
  ),
  halt("stop-all", "an agent makes a call while all are stopped", (ground) =>
    whileStopped(ground, null, () => quietly(writes(ground, "worker", `${ground.patch().name}/new`))),
  ),
  halt("stop-unreadable", "an agent acts on a stop that cannot be read", async (ground) => {
    const file = stopFile(ground.home, "halted");
    mkdirSync(file);
    try {
      return await quietly(writes(ground, "halted", `${ground.patch().name}/new`));
    } finally {
      rmSync(file, { recursive: true });
    }
  }),
  halt("stop-child", "an agent that is not stopped lets a stopped one act for it", (ground) =>
    whileStopped(ground, "halted", async () => {
      const place = ground.patch();
      const task = `child-${place.name}`;
      const deed: Script = [{ calls: [{ tool: "fs_write", input: { path: `${place.name}/new`, content: planted } }] }];
      const start: Script = [{ calls: [{ tool: "agent_run", input: { task, agent_id: "halted" } }] }];
      await ground.talk("worker", start, { others: new Map([[task, deed]]) });
      return unless(existsSync(join(place.path, "new")), "the stopped agent wrote");
    }),
  ),
  halt("stop-midway", "an agent goes on with a run in which it was stopped", async (ground) => {
    const place = ground.patch();
    const script: Script = [
      { calls: [{ tool: "time_now", input: {} }] },
      () => {
        engageStop(ground.home, { at: "2026-01-01T00:00:00.000Z", by: "operator", reason: "attack", agent: "halted" });
        return { calls: [{ tool: "fs_write", input: { path: `${place.name}/new`, content: planted } }] };
      },
    ];
    try {
      await ground.talk("halted", script);
      return unless(existsSync(join(place.path, "new")), "the stopped agent wrote");
    } finally {
      rmSync(stopFile(ground.home, "halted"), { force: true });
    }
  }),
];

export const policy = area("policy", [
  ...nobody,
  ...unreadable,
  ...spelled,
  ...beneath,
  ...descendants,
  ...unanswered,
  ...stopped,
]);
