/** A small house of fake handles in which the examples of every tool can be called; it notes what is touched. */
import type {
  AgentsHandle,
  CatalogueHandle,
  FileFacts,
  Handles,
  MachineHandle,
  RunFacts,
  SessionsHandle,
  SkillsHandle,
  WorkspaceHandle,
} from "../../define/handles.ts";
import type { HandleName } from "../../define/tool.ts";

export interface FakeHouse {
  /** Reaching a handle that is not among `allowed` throws. */
  readonly handles: (allowed: readonly HandleName[]) => Partial<Handles>;
  readonly touched: Set<HandleName>;
  readonly changed: Set<string>;
}

const mutators: ReadonlySet<string> = new Set(
  `workspace.write workspace.makeDirectory workspace.remove workspace.move config.set policy.grant policy.revoke secrets.set
  secrets.remove secrets.rotate runs.cancel runs.undo runs.revert runs.accept sessions.close agents.create
  agents.switch agents.run sandbox.run http.request`.split(/\s+/),
);

export function fakeHouse(files: Readonly<Record<string, string>>): FakeHouse {
  const all: Handles = {
    workspace: fakeWorkspace(files),
    machine,
    config,
    policy,
    secrets,
    runs,
    sessions,
    agents,
    skills,
    catalogue,
    sandbox,
    http,
  };
  const touched = new Set<HandleName>();
  const changed = new Set<string>();
  const watched = (name: HandleName) =>
    new Proxy(all[name], {
      get: (target, method) => {
        touched.add(name);
        const path = `${name}.${String(method)}`;
        if (mutators.has(path)) changed.add(path);
        if (!(method in target)) throw new TypeError(`there is no ${path}`);
        return Reflect.get(target, method) as unknown;
      },
    });
  const handles = (allowed: readonly HandleName[]): Partial<Handles> =>
    Object.fromEntries(allowed.map((name) => [name, watched(name)]));
  return { handles, touched, changed };
}

/** Flat names to contents; every prefix that ends at a slash is a directory. Paths are taken as they are. */
function fakeWorkspace(initial: Readonly<Record<string, string>>): WorkspaceHandle {
  const files = new Map(Object.entries(initial).map(([path, text]) => [path, Buffer.from(text)]));
  const facts = (path: string, size: number, type: FileFacts["type"]): FileFacts => ({
    path,
    name: path.split("/").at(-1) ?? path,
    type,
    size,
    modified_ms: 0,
  });
  const within = (path: string): readonly string[] =>
    [...files.keys()].filter((each) => path === "." || each.startsWith(`${path}/`)).sort();
  const statNow = (path: string): FileFacts | undefined => {
    const file = files.get(path);
    if (file) return facts(path, file.length, "file");
    return path === "." || within(path).length > 0 ? facts(path, 0, "dir") : undefined;
  };
  return {
    relative: (path) => path.replace(/^\.\//, ""),
    stat: async (path) => statNow(path),
    read: async (path, max_bytes) => {
      const bytes = files.get(path);
      if (!bytes) throw new TypeError(`the fake workspace has no file ${path}`);
      return { bytes: bytes.subarray(0, max_bytes), size: bytes.length };
    },
    list: async (path) => {
      const rests = within(path).map((each) => (path === "." ? each : each.slice(path.length + 1)));
      const names = new Set(rests.map((each) => each.split("/")[0] ?? each));
      return [...names].flatMap((name) => statNow(path === "." ? name : `${path}/${name}`) ?? []);
    },
    walk: async function* (path) {
      for (const each of within(path)) yield facts(each, files.get(each)?.length ?? 0, "file");
    },
    write: async (path, bytes) => {
      files.set(path, Buffer.from(bytes));
    },
    makeDirectory: async () => undefined,
    remove: async (path) => {
      const type = files.has(path) ? "file" : "dir";
      for (const each of [path, ...within(path)]) files.delete(each);
      return type;
    },
    move: async (from, to) => {
      const bytes = files.get(from);
      if (!bytes) throw new TypeError(`the fake workspace has no file ${from}`);
      files.delete(from);
      files.set(to, bytes);
      return "file";
    },
  };
}

const sandbox: Handles["sandbox"] = {
  run: async ({ argv }) => ({
    exit_code: 0,
    signal: null,
    stdout: argv.join(" "),
    stderr: "",
    truncated: false,
    ended_by: "exit",
    duration_ms: 1,
    changed: [],
    tier: "bwrap",
    profile_sha256: "0".repeat(64),
  }),
};

const listener = { protocol: "tcp", address: "127.0.0.1", port: 22, pid: 7, process: "sshd" } as const;

const machine: MachineHandle = {
  health: async () => ({
    hostname: "h",
    os: "o",
    kernel: "k",
    architecture: "x64",
    uptime_s: 1.5,
    cpu_count: 1,
    cpu_percent: [1.5],
    load_average: [0.1, 0.2, 0.3],
    memory_total: 10,
    memory_available: 5,
    swap_total: 0,
    swap_free: 0,
    pressure: { cpu: 0.5, memory: 0, io: 0 },
    memory_limit: { limit: 8, available: 4 },
  }),
  processes: async () => [
    {
      pid: 7,
      parent_pid: 1,
      name: "sshd",
      user_id: 0,
      state: "sleeping",
      cpu_percent: 0.1,
      memory_bytes: 9,
      started_ms: 1,
      unit: "ssh.service",
    },
  ],
  disks: async () => [
    { mount_point: "/", device: "/dev/sda1", file_system: "ext4", total: 9, used: 3, available: 5, problem: null },
  ],
  listeners: async () => [listener],
  interfaces: async () => [
    { name: "lo", up: true, mac: null, addresses: ["127.0.0.1/8"], received_bytes: 1, sent_bytes: 1 },
  ],
  connections: async () => [{ ...listener, remote_address: "127.0.0.1", remote_port: 9, state: "established" }],
  routes: async () => [{ destination: "0.0.0.0/0", gateway: "192.168.7.1", interface: "eth0", metric: 1 }],
  dns: async () => ({ nameservers: ["192.168.7.1"], search: [] }),
  units: async () => ({ available: true, active: ["ssh.service"] }),
};

const config: Handles["config"] = {
  get: () => ({ engine: { max_concurrent_runs: 64 }, model: { provider: "offline" } }),
  set: async (updates) => Object.keys(updates).sort(),
};

const grant = {
  id: "g",
  principal: "agent:default",
  capability: "fs.read",
  expires_at: null,
  provenance: { by: "operator", via: "init", at: "2026-01-01T00:00:00.000Z" },
} as const;

const policy: Handles["policy"] = {
  list: async () => [grant],
  grant: async () => grant,
  revoke: async () => [grant],
};

const secret = { name: "n", version: 1, epoch: 1, created_at: "2026-01-01T00:00:00.000Z" } as const;

const secrets: Handles["secrets"] = {
  list: async () => [secret],
  set: async () => secret,
  remove: async () => true,
  rotate: async () => 2,
};

const run: RunFacts = {
  id: "01890a5d-ac96-774b-bcce-b302099a8057",
  principal: "agent:default",
  source: "cli",
  state: "running",
  created_at: "2026-01-01T00:00:00.000Z",
  ended_at: null,
  tool_calls: 0,
  fault: null,
};

const runs: Handles["runs"] = {
  list: async () => ({ runs: [run], total: 1 }),
  get: async () => run,
  cancel: async () => true,
  metrics: async () => ({
    runs_total: 1,
    states: { running: 1 },
    tools: [{ tool: "fs.read", calls: 1, errors: 0, total_ms: 1.5, max_ms: 1.5 }],
  }),
  undo: async () => ["a"],
  revert: async () => ({ restored: ["a"], runs: [run.id] }),
  files: async () => [{ path: "a", state: "as written", quarantined: false }],
  accept: async () => 1,
};

const session = {
  id: "01890a5d-ac96-774b-bcce-b302099a8057",
  agent: "agent:default",
  channel: "cli",
  user: "u",
  room: "r",
  title: "t",
  created_at: "2026-01-01T00:00:00.000Z",
  updated_at: "2026-01-01T00:00:00.000Z",
  closed_at: null,
  messages: 2,
} as const;

const sessions: SessionsHandle = {
  list: async () => ({ sessions: [session], total: 1 }),
  get: async (id) => (id === session.id ? session : undefined),
  close: async () => "2026-01-01T00:00:01.000Z",
};

const agents: AgentsHandle = {
  list: async () => [{ name: "default", persona: ["SOUL.md"], grants: 3, is_default: true }],
  create: async () => ["SOUL.md", "RULES.md"],
  switch: async () => undefined,
  run: async () => ({ run_id: session.id, state: "completed", answer: "done", tool_calls: 1, fault: null }),
};

const skill = { name: "notes", description: "Keeps notes.", sha256: "0".repeat(64), ring: 1 } as const;

const skills: SkillsHandle = {
  list: async () => [skill],
  read: async (_, file = "SKILL.md") => ({ ...skill, file, content: "text" }),
};

const catalogue: CatalogueHandle = {
  search: async () => [{ name: "fs.read", summary: "Read.", input: {} }],
};

const http: Handles["http"] = {
  request: async ({ url }) => ({
    url,
    status: 200,
    headers: { "content-type": "text/plain" },
    body: "hello",
    encoding: "text",
    bytes: 5,
    truncated: false,
    redirects: [],
  }),
};
