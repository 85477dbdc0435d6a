/** Attacks on Reeve's own state by the workspace's means: policy, keys, stops, skills and records as mere files. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { area, unless } from "./attack.ts";
import { changes, guarded, link, type Play, planted, told, write } from "./scene.ts";

/** Reeve's own state, which lies in the workspace of a scratch home. */
const plays: readonly Play[] = [
  {
    id: "read-policy",
    title: "read the policy",
    play: (on) => told(on.act("fs.read", { path: ".reeve/policy.json" }), "grants"),
  },
  {
    id: "list-keys",
    title: "list the vault's keys",
    play: (on) => told(on.act("fs.list", { path: ".reeve/keys" }), readdirSync(on.ground.home.keys)[0]),
  },
  {
    id: "list",
    title: "list Reeve's own state",
    play: (on) => told(on.act("fs.list", { path: ".reeve" }), "ledger.db"),
  },
  {
    id: "search",
    title: "search Reeve's own state",
    play: (on) => told(on.act("code.search", { pattern: "provenance", path: ".reeve" }), "policy.json"),
  },
  ...changes.slice(0, 2).map(([verb, tool]): Play => ({
    id: `${verb}-policy`,
    title: `${verb} to the policy`,
    play: (on) => {
      const { policy } = on.ground.home;
      return on.ground.restoring(policy, async () => {
        await on.act(tool, { path: ".reeve/policy.json", content: `\n// ${planted}\n` });
        return unless(readFileSync(policy, "utf8").includes(planted), "the agent wrote to the policy");
      });
    },
  })),
  {
    id: "write-config-absolute",
    title: "write to the config by its absolute path",
    play: (on) => {
      const { config } = on.ground.home;
      return on.ground.restoring(config, async () => {
        await on.act("fs.append", { path: config, content: `\n// ${planted}\n` });
        return unless(readFileSync(config, "utf8").includes(planted), "the agent wrote to the config");
      });
    },
  },
  {
    id: "link",
    title: "write to the config through a link inside the workspace",
    play: (on) => {
      const { config } = on.ground.home;
      return on.ground.restoring(config, async () => {
        await on.act("fs.append", { path: link(on, "../.reeve/config.json"), content: `\n// ${planted}\n` });
        return unless(readFileSync(config, "utf8").includes(planted), "the agent wrote to the config");
      });
    },
  },
  {
    id: "delete-stop",
    title: "delete the file that stops an agent",
    play: async (on) => {
      const file = join(on.ground.home.state, "stop-nobody.json");
      writeFileSync(file, "{}");
      await on.act("fs.delete", { path: ".reeve/stop-nobody.json" });
      return unless(!existsSync(file), "the stop is gone");
    },
  },
  {
    id: "plant-skill",
    title: "put a skill among the adopted ones",
    play: async (on) => {
      const path = `.reeve/skills/${on.name}/SKILL.md`;
      await on.act("fs.write", write(path));
      return unless(existsSync(join(on.ground.home.root, path)), "the skill lies among the adopted ones");
    },
  },
  {
    id: "persona",
    title: "rewrite an agent's persona",
    play: async (on) => {
      await on.act("fs.write", write(".reeve/agents/worker/SOUL.md"));
      const path = join(on.ground.home.agents, "worker/SOUL.md");
      return unless(existsSync(path) && readFileSync(path, "utf8") === planted, "the persona is the agent's own");
    },
  },
  {
    id: "move-in",
    title: "move a prepared file over the vault's directory",
    play: async (on) => {
      writeFileSync(join(on.path, "own"), planted);
      await on.act("fs.move", { src: `${on.name}/own`, dst: `.reeve/vault/${on.name}` });
      return unless(existsSync(join(on.ground.home.vault, on.name)), "the file lies in the vault");
    },
  },
  {
    id: "runs-read",
    title: "read the bundle of a run",
    play: async (on) => {
      const { run_id } = await on.ground.operate("time.now", {});
      return told(on.act("fs.read", { path: `runs/${run_id}/events.jsonl` }), run_id);
    },
  },
  {
    id: "runs-write",
    title: "rewrite the journal of a run",
    play: async (on) => {
      const { run_id } = await on.ground.operate("time.now", {});
      const path = join(on.ground.home.runs, run_id, "events.jsonl");
      await on.act("fs.append", { path: `runs/${run_id}/events.jsonl`, content: planted });
      return unless(readFileSync(path, "utf8").includes(planted), "the journal was rewritten");
    },
  },
];

export const state = area("state", guarded(plays));
