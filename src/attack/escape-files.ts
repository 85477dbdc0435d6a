/** Programs that look for files of the machine and of Reeve, and that change some. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { unless, type Verdict } from "./attack.ts";
import { swapWhile } from "./swap.ts";
import { type Cell, type Escape, giveToPrograms, told } from "./cell.ts";

const expects = "sandbox-files";

/** A line that prints what it should not be able to read. */
function reads(id: string, title: string, line: (cell: Cell) => string, secret?: (cell: Cell) => string): Escape {
  const play = async (cell: Cell) => told(await cell.sh(line(cell)), secret?.(cell) ?? cell.canary);
  return { id, title, expects, play };
}

/** A line that should not be able to change the file outside or its directory. */
function changes(id: string, title: string, line: (cell: Cell) => string): Escape {
  const play = async (cell: Cell) => {
    await cell.sh(line(cell));
    return outside(cell);
  };
  return { id, title, expects, play };
}

function outside({ victim, beyond, canary }: Cell): Verdict {
  const isWhole =
    existsSync(victim) && readFileSync(victim, "utf8") === canary && readdirSync(beyond).join() === "file";
  return unless(!isWhole, "something outside was changed");
}

/** Enough of a file to know it by. */
const head = (path: string) => readFileSync(path).subarray(0, 12).toString("hex");

/** Something of Reeve's own, by its path in the home, or where it lies on the machine. */
function state(id: string, title: string, path: (cell: Cell) => string, isAbsolute = false): Escape {
  const play = async (cell: Cell) => {
    const [root, whole] = [cell.ground.home.root, path(cell)];
    const named = isAbsolute ? whole : `/work${whole.slice(root.length)}`;
    const { stdout } = await cell.sh(`od -An -v -tx1 -N12 '${named}'`);
    return unless(stdout.replace(/\s/g, "") === head(whole), "the program read it");
  };
  return { id, title, expects, play };
}

/** The first file in a directory. */
function first(directory: string): string {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const file = entries.find((entry) => entry.isFile());
  if (!file) throw new Error(`there is no file in ${directory}`);
  return join(file.parentPath, file.name);
}

const own: readonly Escape[] = [
  state("state-policy", "reads Reeve's policy", ({ ground }) => ground.home.policy),
  state("state-config", "reads Reeve's config", ({ ground }) => ground.home.config),
  state("state-ledger", "reads the ledger", ({ ground }) => ground.home.ledger),
  state("state-database", "reads state.db with runs and approvals", ({ ground }) => ground.home.database),
  state("state-vault", "reads the vault", ({ ground }) => first(ground.home.vault)),
  state("state-keys", "reads the vault's key", ({ ground }) => first(ground.home.keys)),
  state("state-runs", "reads what other runs recorded", ({ ground }) => first(ground.home.runs)),
  state(
    "state-absolute",
    "reads Reeve's policy where it lies on the machine",
    ({ ground }) => ground.home.policy,
    true,
  ),
  {
    id: "state-write",
    title: "writes into Reeve's state",
    expects,
    play: async ({ ground, sh, name }) => {
      const path = join(ground.home.state, `planted-${name}`);
      await sh(`: >'/work/.reeve/planted-${name}'; : >'${path}'`);
      const isThere = existsSync(path);
      rmSync(path, { force: true });
      return unless(isThere, "it wrote into .reeve");
    },
  },
  {
    id: "state-forge",
    title: "adds a run of its own to the records",
    expects,
    play: async ({ ground, sh, name }) => {
      const path = join(ground.home.runs, `forged-${name}`);
      await sh(`mkdir '/work/runs/forged-${name}' '${path}'`);
      const isThere = existsSync(path);
      rmSync(path, { recursive: true, force: true });
      return unless(isThere, "it made a run");
    },
  },
];

const machine: readonly Escape[] = [
  reads("read-absolute", "reads a file of the machine by its path", ({ victim }) => `cat '${victim}'`),
  reads("read-dots", "reads it by ..", ({ victim }) => `cat '/work/../../../..${victim}' '../../../..${victim}'`),
  {
    id: "read-link",
    title: "reads it by a link in the workspace",
    expects,
    play: async (cell) => {
      symlinkSync(cell.victim, join(cell.path, "link"));
      return told(await cell.sh(`cat ${cell.inside}/link`), cell.canary);
    },
  },
  {
    id: "read-directory-link",
    title: "reads it by a link to its directory",
    expects,
    play: async (cell) => {
      symlinkSync(cell.beyond, join(cell.path, "link"));
      return told(await cell.sh(`cat ${cell.inside}/link/file`), cell.canary);
    },
  },
  reads("read-own-link", "reads it by a link the program makes", ({ victim, inside }) => {
    return `ln -s '${victim}' ${inside}/own; cat ${inside}/own`;
  }),
  reads("read-proc-root", "reads it beneath the root of a process", ({ victim }) => {
    return `for p in 1 self thread-self $PPID; do cat "/proc/$p/root${victim}" "/proc/$p/cwd/../..${victim}"; done`;
  }),
  {
    id: "read-process-files",
    title: "reads it beneath a file that some process has open",
    expects,
    play: async (cell) =>
      told(
        await cell.sh(`for f in /proc/[0-9]*/fd/*; do cat "$f/../..${cell.victim}" "$f/..${cell.victim}"; done
        cat '${cell.victim}'`),
        cell.canary,
      ),
  },
  reads(
    "accounts",
    "reads the accounts of the machine",
    () => "cat /etc/shadow /etc/passwd",
    () => readFileSync("/etc/passwd", "utf8").split("\n", 1)[0] ?? "",
  ),
  reads(
    "homes",
    "sees homes of users",
    () => "for d in /root /home /var/lib /srv; do [ -e $d ] && echo seen; done",
    () => "seen",
  ),
  reads(
    "kernel-tree",
    "sees the kernel's objects in /sys",
    () => "[ -e /sys/kernel ] && echo seen",
    () => "seen",
  ),
  reads(
    "services",
    "sees sockets and files of services in /run and /var",
    () => "for f in /run/* /var/*; do [ $f != /run/reeve ] && [ -e $f ] && echo seen; done",
    () => "seen",
  ),
];

const written: readonly Escape[] = [
  changes("write-absolute", "writes to a file of the machine", ({ victim }) => `echo x >'${victim}'`),
  changes("write-append", "appends to it", ({ victim }) => `echo x >>'${victim}'`),
  changes("write-dots", "writes to it by ..", ({ victim }) => `echo x >'/work/../../../..${victim}'`),
  changes("write-remove", "removes it", ({ victim }) => `rm -f '${victim}'`),
  changes("write-new", "makes a file beside it", ({ beyond }) => `echo x >'${beyond}/new'`),
  changes("write-move", "moves it away", ({ victim, inside }) => `mv '${victim}' ${inside}/stolen`),
  changes("write-rename-out", "moves a file of its own out", ({ beyond, inside }) => {
    return `echo x >${inside}/mine; mv ${inside}/mine '${beyond}/'`;
  }),
  changes("write-own-link", "writes to it by a link the program makes", ({ victim, inside }) => {
    return `ln -s '${victim}' ${inside}/own; echo x >${inside}/own`;
  }),
  changes("write-link-directory", "makes a file beneath a link to the directory", ({ beyond, inside }) => {
    return `ln -s '${beyond}' ${inside}/up; echo x >${inside}/up/new`;
  }),
  {
    id: "write-hard-link",
    title: "writes to a second name of it that lies in the workspace",
    expects,
    play: async (cell) => {
      linkSync(cell.victim, join(cell.path, "twin"));
      giveToPrograms(cell.ground, cell.victim);
      await cell.sh(`echo x >${cell.inside}/twin`);
      return outside(cell);
    },
  },
  {
    id: "write-machine-tmp",
    title: "writes into /var/tmp of the machine",
    expects,
    play: async ({ sh, ground }) => {
      const path = `/var/tmp/${ground.directory.split("/").at(-1)}`;
      await sh(`echo x >${path}`);
      const isThere = existsSync(path);
      rmSync(path, { force: true });
      return unless(isThere, "it wrote there");
    },
  },
  {
    id: "write-unnamed",
    title: "writes into a directory of the workspace that the call does not name",
    expects,
    play: async ({ ground, sh }) => {
      const { name, path } = ground.patch();
      giveToPrograms(ground, path);
      await sh(`echo x >/work/${name}/new`);
      return unless(existsSync(join(path, "new")), "it wrote there");
    },
  },
  {
    id: "write-read-only",
    title: "writes to a file that it was only shown",
    expects,
    play: async ({ ground, run }) => {
      const { name, path } = ground.patch();
      const file = join(path, "file");
      writeFileSync(file, "as it was");
      giveToPrograms(ground, file);
      await run(["sh", "-c", `echo x >/work/${name}/file`], { fs_read: [`${name}/file`] });
      return unless(readFileSync(file, "utf8") !== "as it was", "it was changed");
    },
  },
];

/** Fewer than elsewhere: each starts a program. */
const tries = { fewest: 30, often: 1 };

/** A directory the call names is swapped for a link outside while its program is started. */
const raced: Escape = {
  id: "race-mount",
  title: "a directory that is to be mounted is swapped for a link outside meanwhile",
  expects,
  play: async ({ ground, name, path, beyond, canary }) => {
    const dir = join(path, "dir");
    mkdirSync(dir);
    giveToPrograms(ground, dir);
    const input = { argv: ["cat", `/work/${name}/dir/file`], ring: 1, fs_read: [`${name}/dir`] };
    const swapped = { directory: path, name: "dir", target: beyond };
    const isThrough = await swapWhile(
      swapped,
      async () => {
        const result = await ground.as("jailed", "sandbox.exec", input);
        if (!result.ok) return "refused";
        return JSON.stringify(result.output).includes(canary) ? "through" : "entry";
      },
      tries,
    );
    return unless(isThrough, "it read what lies outside");
  },
};

export const files: readonly Escape[] = [raced, ...own, ...machine, ...written];
