/** The authority objects a tool may hold. Interfaces only: the domains implement them, the engine mints them per call. */
import type { Json } from "../core/canonical.ts";
import type { HttpHandle } from "./http.ts";
import type { Principal } from "./principal.ts";

export interface Handles {
  readonly workspace: WorkspaceHandle;
  readonly machine: MachineHandle;
  readonly config: ConfigHandle;
  readonly policy: PolicyHandle;
  readonly secrets: SecretsHandle;
  readonly runs: RunsHandle;
  readonly sessions: SessionsHandle;
  readonly agents: AgentsHandle;
  readonly skills: SkillsHandle;
  readonly catalogue: CatalogueHandle;
  readonly sandbox: SandboxHandle;
  readonly http: HttpHandle;
}

/**
 * Files beneath the agent's workspace. Paths are relative to it, or absolute inside it. Every method throws
 * `permission_denied` for a path that leaves the workspace, passes a symbolic link, names a special file, a file with
 * more than one hard link or Reeve's own state, or that the decision does not cover; mutators also when the call's
 * effect is `read`. Every mutation leaves an undo record before it happens.
 */
export interface WorkspaceHandle {
  /** The canonical path relative to the workspace, `.` for its root. */
  relative(path: string): string;
  stat(path: string): Promise<FileFacts | undefined>;
  /** At most `max_bytes` from the start; `size` is that of the whole file, in bytes. */
  read(path: string, max_bytes: number): Promise<{ readonly bytes: Uint8Array; readonly size: number }>;
  list(path: string): Promise<readonly FileFacts[]>;
  /** Regular files beneath `path`, depth first in name order; what may not be read is left out. */
  walk(path: string, options: WalkOptions): AsyncIterable<FileFacts>;
  write(path: string, bytes: Uint8Array, options?: FileWriteOptions): Promise<void>;
  /** Also those above it that are missing. */
  makeDirectory(path: string): Promise<void>;
  /** Returns what it was. */
  remove(path: string, options: { readonly recursive: boolean }): Promise<"file" | "dir">;
  /** Returns what it is; nothing happens when both paths are the same. */
  move(from: string, to: string, options: { readonly overwrite: boolean }): Promise<"file" | "dir">;
}

export interface FileWriteOptions {
  readonly mode?: "replace" | "append" | "create";
  /** The bytes the file must still have; `failed_precondition` when it was changed by someone else. */
  readonly expected?: Uint8Array;
}

export interface WalkOptions {
  readonly signal: AbortSignal;
  /** Directory names not descended into, in addition to Reeve's own state. */
  readonly skip: readonly string[];
}

export interface FileFacts {
  readonly path: string;
  readonly name: string;
  readonly type: "file" | "dir" | "other";
  readonly size: number;
  readonly modified_ms: number;
}

/** Facts about the machine, read from the kernel; sizes in bytes, times in seconds unless the name says otherwise. */
export interface MachineHandle {
  health(): Promise<MachineHealth>;
  processes(): Promise<readonly ProcessFacts[]>;
  disks(): Promise<readonly DiskFacts[]>;
  listeners(): Promise<readonly ListenerFacts[]>;
  interfaces(): Promise<readonly InterfaceFacts[]>;
  connections(): Promise<readonly ConnectionFacts[]>;
  routes(): Promise<readonly RouteFacts[]>;
  dns(): Promise<{ readonly nameservers: readonly string[]; readonly search: readonly string[] }>;
  units(): Promise<{ readonly available: boolean; readonly active: readonly string[] }>;
}

export interface MachineHealth {
  readonly hostname: string;
  readonly os: string;
  readonly kernel: string;
  readonly architecture: string;
  readonly uptime_s: number;
  readonly cpu_count: number;
  /** Per core, 0 to 100, over a sampling window of at least 100 ms. */
  readonly cpu_percent: readonly number[];
  readonly load_average: readonly [number, number, number];
  readonly memory_total: number;
  readonly memory_available: number;
  readonly swap_total: number;
  readonly swap_free: number;
  /** Share of the last 10 s in which some task waited for the resource, 0 to 100; null when the kernel does not tell. */
  readonly pressure: { readonly cpu: number; readonly memory: number; readonly io: number } | null;
  /** The tightest memory limit set on this process by its control groups; null when there is none. */
  readonly memory_limit: { readonly limit: number; readonly available: number } | null;
}

export interface DiskFacts {
  readonly mount_point: string;
  readonly device: string;
  readonly file_system: string;
  readonly total: number;
  readonly used: number;
  /** To users without privilege; `used + available` is less than `total` where blocks are reserved. */
  readonly available: number;
  /** Why the three sizes are unknown, and 0 here; null when they were read. */
  readonly problem: string | null;
}

export interface ProcessFacts {
  readonly pid: number;
  readonly parent_pid: number;
  readonly name: string;
  readonly user_id: number;
  readonly state: string;
  readonly cpu_percent: number;
  readonly memory_bytes: number;
  readonly started_ms: number;
  /** The systemd unit it runs in, from its control group. */
  readonly unit: string | null;
}

export interface ListenerFacts {
  readonly protocol: "tcp" | "tcp6" | "udp" | "udp6";
  readonly address: string;
  readonly port: number;
  readonly pid: number | null;
  readonly process: string | null;
}

export interface ConnectionFacts extends ListenerFacts {
  readonly remote_address: string;
  readonly remote_port: number;
  readonly state: string;
}

export interface InterfaceFacts {
  readonly name: string;
  readonly up: boolean;
  readonly mac: string | null;
  readonly addresses: readonly string[];
  readonly received_bytes: number;
  readonly sent_bytes: number;
}

export interface RouteFacts {
  readonly destination: string;
  readonly gateway: string | null;
  readonly interface: string;
  readonly metric: number;
}

/** Configuration without its secrets; `set` validates the whole and writes all or nothing. */
export interface ConfigHandle {
  get(): { readonly [key: string]: Json };
  /** Dotted field names to new values; returns the names that changed, sorted. */
  set(updates: { readonly [field: string]: Json }, options: { readonly dry_run: boolean }): Promise<readonly string[]>;
}

export interface GrantFacts {
  readonly id: string;
  readonly principal: string;
  /** `name` or `name:pattern`. */
  readonly capability: string;
  readonly expires_at: string | null;
  /** Present when ask rules do not hold for what it covers. */
  readonly unasked?: true | undefined;
  readonly provenance: { readonly by: string; readonly via: string; readonly at: string };
}

export interface PolicyHandle {
  list(principal?: Principal): Promise<readonly GrantFacts[]>;
  grant(principal: Principal, capability: string, options: { readonly expires_at: string | null }): Promise<GrantFacts>;
  /** Removes the grants with this id or exactly this capability; returns those removed. */
  revoke(principal: Principal, grant: string): Promise<readonly GrantFacts[]>;
}

/** Names and versions only: no method of this handle returns a secret's value. */
export interface SecretsHandle {
  list(): Promise<readonly SecretFacts[]>;
  /** `allow` are the bindings, `host:NAME` or `command:NAME`, it may be used for; those it has when absent. */
  set(name: string, value: string, options?: { readonly allow?: readonly string[] }): Promise<SecretFacts>;
  remove(name: string): Promise<boolean>;
  /** A new key epoch; every record is encrypted again. Returns the new epoch. */
  rotate(): Promise<number>;
}

export interface SecretFacts {
  readonly name: string;
  readonly version: number;
  readonly epoch: number;
  readonly created_at: string;
}

export type RunState = "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled" | "interrupted";

export interface RunFacts {
  readonly id: string;
  readonly principal: string;
  readonly source: string;
  readonly state: RunState;
  readonly created_at: string;
  readonly ended_at: string | null;
  readonly tool_calls: number;
  readonly fault: string | null;
}

export interface RunsHandle {
  list(filter: RunFilter): Promise<{ readonly runs: readonly RunFacts[]; readonly total: number }>;
  get(id: string): Promise<RunFacts | undefined>;
  /** False when the run is unknown or already over. */
  cancel(id: string): Promise<boolean>;
  metrics(filter: RunFilter): Promise<RunMetrics>;
  /** Puts back what a run changed in the workspace, newest first; returns the paths restored. */
  undo(id: string): Promise<readonly string[]>;
  /** As `undo`, for the run and all sub-agents' runs beneath it as one; `force` also where something changed since. */
  revert(
    id: string,
    options: { readonly force: boolean },
  ): Promise<{ readonly restored: readonly string[]; readonly runs: readonly string[] }>;
  /** The files a run wrote and did not remove again, by path. */
  files(id: string): Promise<readonly RunFileFacts[]>;
  /** Takes what a run wrote as the operator's own: reading it brings no untrusted text any more. How many files that are. */
  accept(id: string): Promise<number>;
}

export interface RunFileFacts {
  readonly path: string;
  readonly state: "as written" | "changed since" | "gone";
  /** Whether it was written by a run that had read untrusted text, and nobody accepted it. */
  readonly quarantined: boolean;
}

export interface RunFilter {
  readonly principal?: string;
  readonly state?: RunState;
  readonly limit: number;
  readonly offset: number;
}

export interface RunMetrics {
  readonly runs_total: number;
  readonly states: Readonly<Record<string, number>>;
  readonly tools: readonly {
    readonly tool: string;
    readonly calls: number;
    readonly errors: number;
    readonly total_ms: number;
    readonly max_ms: number;
  }[];
}

export interface SessionFacts {
  readonly id: string;
  readonly agent: string;
  readonly channel: string;
  readonly user: string;
  readonly room: string;
  readonly title: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly closed_at: string | null;
  /** How many messages it holds. */
  readonly messages: number;
}

export interface SessionFilter {
  readonly agent?: string;
  readonly channel?: string;
  readonly user?: string;
  readonly room?: string;
  readonly include_closed: boolean;
  readonly limit: number;
  readonly offset: number;
}

/** Sessions of the agent that acts; the operator's handle sees every agent's. */
export interface SessionsHandle {
  list(filter: SessionFilter): Promise<{ readonly sessions: readonly SessionFacts[]; readonly total: number }>;
  /** Undefined for a session that is not there or not the agent's. */
  get(id: string): Promise<SessionFacts | undefined>;
  /** Returns when it was closed; the earlier time for one closed already. Throws `failed_precondition` while a run is in it. */
  close(id: string): Promise<string>;
}

export interface AgentFacts {
  readonly name: string;
  /** Persona files that are there, in prompt order. */
  readonly persona: readonly string[];
  readonly grants: number;
  /** Whether `ask` starts it when none is named. */
  readonly is_default: boolean;
}

export interface AgentRunRequest {
  readonly task: string;
  /** The agent that does it; the caller itself when absent. It never holds more than the caller could. */
  readonly agent?: string;
  /** Capabilities the run is held to, as a grant writes them; all of the caller's when absent. */
  readonly within?: readonly string[];
  readonly max_turns?: number;
  readonly max_tokens?: number;
}

export interface AgentRunFacts {
  readonly run_id: string;
  readonly state: RunState;
  readonly answer: string;
  readonly tool_calls: number;
  readonly fault: string | null;
}

export interface AgentsHandle {
  list(): Promise<readonly AgentFacts[]>;
  /** Persona files and no grants. Throws `already_exists`; nothing is ever overwritten. Returns the names of the files. */
  create(name: string): Promise<readonly string[]>;
  /** Makes it the default agent. Throws `not_found`. */
  switch(name: string): Promise<void>;
  /** A run of its own beneath the calling one, in whose budget it stays. */
  run(request: AgentRunRequest): Promise<AgentRunFacts>;
}

export interface SkillFacts {
  readonly name: string;
  readonly description: string;
  /** SHA-256 over the skill's files, lower-case hexadecimal. */
  readonly sha256: string;
  /** 1 for one the operator adopted, 2 for one that lies in the workspace. */
  readonly ring: 1 | 2;
}

export interface SkillsHandle {
  list(): Promise<readonly SkillFacts[]>;
  /**
   * A text file of a skill, SKILL.md when no other is named. Throws `not_found`, and `data_loss` when an adopted skill is
   * no longer what was adopted.
   */
  read(name: string, file?: string): Promise<SkillFacts & { readonly file: string; readonly content: string }>;
}

export interface CatalogueHandle {
  /** The tools the caller may hold, best match first; an empty query lists them. */
  search(
    query: string,
    limit: number,
  ): Promise<readonly { readonly name: string; readonly summary: string; readonly input: Json }[]>;
}

export interface SandboxHandle {
  /**
   * Runs one program behind walls to its end; that it fails is no fault. Throws `failed_precondition` when this machine has
   * no walls, and `permission_denied` for what the decision does not cover. What it may write is kept for the undo first.
   */
  run(program: Program): Promise<ProgramFacts>;
}

export interface Program {
  /** Never a line of shell. */
  readonly argv: readonly string[];
  readonly stdin: string | null;
  /** Relative to the workspace. */
  readonly cwd: string;
  /** Paths of the workspace it may read, `.` for all of it; null for an empty directory in the workspace's place. */
  readonly fs_read: readonly string[] | null;
  readonly fs_write: readonly string[];
  /** `HOST:PORT` it may connect to, through the proxy; empty for none. */
  readonly network: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Text by name, given to it read-only as `/run/reeve/files/NAME`. */
  readonly files: Readonly<Record<string, string>>;
  readonly timeout_ms: number;
  /** Of each of its two outputs; of more, the beginning and the end are kept. */
  readonly max_output_bytes: number;
}

export interface ProgramFacts {
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
  readonly ended_by: "exit" | "timeout" | "cpu" | "memory" | "processes" | "output" | "canceled";
  readonly duration_ms: number;
  /** Paths of the workspace that are not as they were. */
  readonly changed: readonly string[];
  readonly tier: string;
  readonly profile_sha256: string;
}
