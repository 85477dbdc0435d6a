/** Attacks on the workspace: every way a name has been made to lead somewhere else. */
import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { area, unless } from "./attack.ts";
import { canary, changed, changes, guarded, hardLink, link, type Play, planted, told, write } from "./scene.ts";
import { swapWhile } from "./swap.ts";

const throughLinks: readonly Play[] = [
  ...changes.map(([verb, tool, input]): Play => ({
    id: `${verb}-link`,
    title: `${verb} through a symbolic link to a file outside`,
    play: async (on) => {
      await on.act(tool, input(link(on, on.victim)));
      return changed(on);
    },
  })),
  ...changes.map(([verb, tool, input]): Play => ({
    id: `${verb}-hard-link`,
    title: `${verb} through a second hard link of a file outside`,
    play: async (on) => {
      await on.act(tool, input(hardLink(on)));
      return changed(on);
    },
  })),
  {
    id: "read-link",
    title: "read through a symbolic link to a file outside",
    play: (on) => told(on.act("fs.read", { path: link(on, on.victim) })),
  },
  {
    id: "read-hard-link",
    title: "read through a second hard link of a file outside",
    play: (on) => told(on.act("fs.read", { path: hardLink(on) })),
  },
  {
    id: "read-link-chain",
    title: "read through a link to a link to a file outside",
    play: (on) => {
      link(on, on.victim, "far");
      return told(on.act("fs.read", { path: link(on, "far", "near") }));
    },
  },
  {
    id: "create-dangling",
    title: "create the file that a dangling link points to",
    play: async (on) => {
      await on.act("fs.write", write(link(on, join(on.beyond, "new"))));
      return changed(on);
    },
  },
  {
    id: "write-linked-directory",
    title: "create a file through a linked directory",
    play: async (on) => {
      await on.act("fs.write", write(`${link(on, on.beyond)}/new`));
      return changed(on);
    },
  },
  {
    id: "write-deep-linked-directory",
    title: "create directories and a file beneath a linked directory",
    play: async (on) => {
      await on.act("fs.write", write(`${link(on, on.beyond)}/a/b/new`));
      return changed(on);
    },
  },
  {
    id: "read-linked-directory",
    title: "read through a linked directory",
    play: (on) => told(on.act("fs.read", { path: `${link(on, on.beyond)}/file` })),
  },
  {
    id: "list-linked-directory",
    title: "list a linked directory",
    play: (on) => {
      writeFileSync(join(on.beyond, "name-outside"), "");
      return told(on.act("fs.list", { path: link(on, on.beyond) }), "name-outside");
    },
  },
  {
    id: "search-linked-file",
    title: "search the text of a linked file",
    play: (on) => {
      link(on, on.victim);
      return told(on.act("code.search", { pattern: "canary of", path: on.name }));
    },
  },
  {
    id: "search-linked-directory",
    title: "search the files of a linked directory",
    play: (on) => {
      link(on, on.beyond);
      return told(on.act("code.search", { pattern: "canary of", path: on.name }));
    },
  },
  {
    id: "search-hard-link",
    title: "search the text of a hard-linked file",
    play: (on) => {
      hardLink(on);
      return told(on.act("code.search", { pattern: "canary of", path: on.name }));
    },
  },
  {
    id: "delete-linked-directory",
    title: "delete a file through a linked directory",
    play: async (on) => {
      await on.act("fs.delete", { path: `${link(on, on.beyond)}/file` });
      return changed(on);
    },
  },
  {
    id: "move-out",
    title: "move a file out through a linked directory",
    play: async (on) => {
      writeFileSync(join(on.path, "own"), planted);
      await on.act("fs.move", { src: `${on.name}/own`, dst: `${link(on, on.beyond)}/own` });
      return changed(on);
    },
  },
  {
    id: "move-in",
    title: "move a file in through a linked directory",
    play: async (on) => {
      await on.act("fs.move", { src: `${link(on, on.beyond)}/file`, dst: `${on.name}/mine` });
      return changed(on);
    },
  },
  {
    id: "proc-root",
    title: "read through a link to /proc/self/root",
    play: (on) => told(on.act("fs.read", { path: `${link(on, "/proc/self/root")}${on.victim}` })),
  },
  {
    id: "proc-cwd",
    title: "list the directory Reeve works in through a link to /proc/self/cwd",
    play: (on) => {
      const first = readdirSync(readlinkSync("/proc/self/cwd")).find((name) => !name.startsWith("."));
      if (first === undefined) return Promise.resolve(unless(false, ""));
      return told(on.act("fs.list", { path: link(on, "/proc/self/cwd") }), `/${first}"`);
    },
  },
  {
    id: "proc-descriptor",
    title: "read Reeve's own memory map through a link into /proc",
    play: (on) => told(on.act("fs.read", { path: link(on, "/proc/self/maps") }), "[stack]"),
  },
];

const byName: readonly Play[] = [
  {
    id: "write-dots",
    title: "write to a path with ..",
    play: async (on) => {
      await on.act("fs.write", write(`../outside/${on.beyond.split("/").at(-1) ?? ""}/file`));
      return changed(on);
    },
  },
  {
    id: "read-dots",
    title: "read from a path with ..",
    play: (on) => told(on.act("fs.read", { path: `../outside/${on.beyond.split("/").at(-1) ?? ""}/file` })),
  },
  {
    id: "read-dots-below",
    title: "read from a path whose .. come after a directory that is there",
    play: (on) =>
      told(on.act("fs.read", { path: `${on.name}/./../../outside/${on.beyond.split("/").at(-1) ?? ""}/file` })),
  },
  {
    id: "delete-dots",
    title: "delete by a path with ..",
    play: async (on) => {
      await on.act("fs.delete", { path: `../outside/${on.beyond.split("/").at(-1) ?? ""}/file` });
      return changed(on);
    },
  },
  {
    id: "write-absolute",
    title: "write to an absolute path",
    play: async (on) => {
      await on.act("fs.write", write(on.victim));
      return changed(on);
    },
  },
  {
    id: "read-absolute",
    title: "read from an absolute path",
    play: (on) => told(on.act("fs.read", { path: on.victim })),
  },
  {
    id: "read-absolute-doubled",
    title: "read from an absolute path with doubled slashes",
    play: (on) => told(on.act("fs.read", { path: on.victim.replaceAll("/", "//") })),
  },
  {
    id: "read-through-root",
    title: "read from an absolute path that begins like the workspace",
    play: (on) =>
      told(on.act("fs.read", { path: `${on.ground.home.root}/../outside/${on.beyond.split("/").at(-1) ?? ""}/file` })),
  },
  {
    id: "read-sibling",
    title: "read from a directory whose name begins like the workspace's",
    play: (on) => {
      const sibling = `${on.ground.home.root}-old`;
      mkdirSync(sibling, { recursive: true });
      writeFileSync(join(sibling, "file"), canary);
      return told(on.act("fs.read", { path: join(sibling, "file") }));
    },
  },
  {
    id: "move-absolute",
    title: "move a file to an absolute path",
    play: async (on) => {
      writeFileSync(join(on.path, "own"), planted);
      await on.act("fs.move", { src: `${on.name}/own`, dst: join(on.beyond, "own") });
      return changed(on);
    },
  },
  {
    id: "proc-environment",
    title: "read Reeve's environment from /proc",
    play: (on) => told(on.act("fs.read", { path: "/proc/self/status" }), "VmRSS"),
  },
];

const races: readonly Play[] = [
  {
    id: "race-directory",
    title: "write while another process swaps the directory for a link",
    play: async (on) => {
      mkdirSync(join(on.path, "dir"));
      const isOut = await swapWhile({ directory: on.path, name: "dir", target: on.beyond }, async (round) => {
        const { ok } = await on.act("fs.write", write(`${on.name}/dir/new-${round % 4}`));
        return changed(on).held ? (ok ? "entry" : "refused") : "through";
      });
      return unless(isOut, "a file was written outside");
    },
  },
  {
    id: "race-file",
    title: "read while another process swaps the file for a link",
    play: async (on) => {
      writeFileSync(join(on.path, "own"), "inside");
      const isOut = await swapWhile({ directory: on.path, name: "own", target: on.victim }, async () => {
        const result = await on.act("fs.read", { path: `${on.name}/own` });
        if (!result.ok) return "refused";
        return JSON.stringify(result.output).includes(canary) ? "through" : "entry";
      });
      return unless(isOut, "the agent was told what lies outside");
    },
  },
];

export const path = area("path", guarded([...throughLinks, ...byName, ...races]));
