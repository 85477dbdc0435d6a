/** The tables of `state.db`, as migrations oldest first; a released one is never edited. */
export const stateMigrations: readonly string[] = [
  `CREATE TABLE runs (
     id TEXT PRIMARY KEY, principal TEXT NOT NULL, source TEXT NOT NULL, state TEXT NOT NULL,
     created_at TEXT NOT NULL, ended_at TEXT, tool_calls INTEGER NOT NULL DEFAULT 0, fault TEXT,
     owner TEXT NOT NULL, cancel_requested INTEGER NOT NULL DEFAULT 0, end_seq INTEGER
   ) STRICT;
   CREATE INDEX runs_by_state ON runs (state, id);
   CREATE TABLE calls (
     run TEXT NOT NULL, call TEXT NOT NULL, tool TEXT NOT NULL, code TEXT, duration_ms REAL NOT NULL,
     PRIMARY KEY (run, call)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE proposals (
     id TEXT PRIMARY KEY, run TEXT NOT NULL, principal TEXT NOT NULL, tool TEXT NOT NULL, capability TEXT NOT NULL,
     input TEXT NOT NULL, reason TEXT NOT NULL, created_at TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'open'
   ) STRICT;`,
  `ALTER TABLE runs ADD COLUMN session TEXT;
   ALTER TABLE runs ADD COLUMN parent TEXT;
   ALTER TABLE runs ADD COLUMN message TEXT NOT NULL DEFAULT '';
   CREATE INDEX runs_open ON runs (id) WHERE ended_at IS NULL;
   CREATE TABLE sessions (
     id TEXT PRIMARY KEY, agent TEXT NOT NULL, channel TEXT NOT NULL, user TEXT NOT NULL, room TEXT NOT NULL,
     title TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, closed_at TEXT,
     active_run TEXT, owner TEXT NOT NULL DEFAULT '', messages INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE INDEX sessions_by_place ON sessions (channel, user, room, agent, updated_at);
   CREATE TABLE session_messages (
     session TEXT NOT NULL REFERENCES sessions (id), seq INTEGER NOT NULL, run TEXT NOT NULL, role TEXT NOT NULL,
     content TEXT NOT NULL, tokens INTEGER NOT NULL, created_at TEXT NOT NULL,
     PRIMARY KEY (session, seq)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE active_sessions (
     channel TEXT NOT NULL, user TEXT NOT NULL, room TEXT NOT NULL, agent TEXT NOT NULL,
     session TEXT NOT NULL REFERENCES sessions (id),
     PRIMARY KEY (channel, user, room, agent)
   ) STRICT, WITHOUT ROWID;
   DROP TABLE proposals;
   CREATE TABLE approvals (
     id TEXT PRIMARY KEY, kind TEXT NOT NULL, run TEXT NOT NULL, call TEXT NOT NULL, principal TEXT NOT NULL,
     tool TEXT NOT NULL, capability TEXT NOT NULL, effect TEXT NOT NULL, input TEXT NOT NULL,
     resources TEXT NOT NULL, digest TEXT NOT NULL, reason TEXT NOT NULL, state TEXT NOT NULL,
     scope TEXT, answer_reason TEXT, decided_by TEXT, decided_at TEXT,
     created_at TEXT NOT NULL, expires_at TEXT NOT NULL
   ) STRICT;
   CREATE INDEX approvals_by_run ON approvals (run, call);
   CREATE INDEX approvals_by_state ON approvals (state, id);
   CREATE TABLE usage (
     id TEXT PRIMARY KEY, run TEXT NOT NULL, root TEXT NOT NULL, agent TEXT NOT NULL, day TEXT NOT NULL,
     kind TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, tool TEXT NOT NULL, settled INTEGER NOT NULL,
     input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
     cost_microusd INTEGER, at TEXT NOT NULL
   ) STRICT;
   CREATE INDEX usage_by_day ON usage (day, agent);
   CREATE INDEX usage_by_root ON usage (root);`,
  `CREATE TABLE egress_tokens (
     id TEXT PRIMARY KEY, run TEXT NOT NULL, agent TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL,
     revoked_at TEXT, connections INTEGER NOT NULL DEFAULT 0, bytes_up INTEGER NOT NULL DEFAULT 0,
     bytes_down INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE INDEX egress_tokens_by_run ON egress_tokens (run);
   CREATE INDEX egress_tokens_by_expiry ON egress_tokens (expires_at);`,
  `CREATE TABLE untrusted_runs (run TEXT PRIMARY KEY, at TEXT NOT NULL, seen INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE quarantine (
     run TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL, at TEXT NOT NULL,
     PRIMARY KEY (run, path, sha256)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX quarantine_by_content ON quarantine (sha256);`,
  // What was said before anybody looked at where words came from counts as having brought everything.
  `ALTER TABLE approvals ADD COLUMN taint TEXT;
   ALTER TABLE sessions ADD COLUMN untrusted INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE sessions ADD COLUMN private INTEGER NOT NULL DEFAULT 0;
   UPDATE sessions SET untrusted = 1, private = 1 WHERE messages > 0;`,
  `ALTER TABLE approvals ADD COLUMN decided_seq INTEGER;`,
];
