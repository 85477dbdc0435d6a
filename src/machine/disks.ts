/** The file systems that store data, each once, with what is left in them. */
import { stat, statfs } from "node:fs/promises";
import { asFault, systemErrorName } from "../core/fault.ts";
import type { DiskFacts } from "../define/handles.ts";
import { harmless, type KernelRoots, readRequired, saturate } from "./kernel.ts";

/** Sizes in blocks of `frsize` bytes; undefined when the mount point is a file, as a container has them over single files. */
export type AskSizes = (mount_point: string) => Promise<FileSystemSizes | undefined>;

interface FileSystemSizes {
  readonly frsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
}

/**
 * Sorted by mount point; of several mounts of one device the shortest path stays. A file system that refuses or does not
 * answer within a second is listed with its problem.
 */
export async function readDisks(roots: KernelRoots, ask: AskSizes = askSystem): Promise<readonly DiskFacts[]> {
  const mounts = realMounts(readRequired(`${roots.proc}/self/mountinfo`));
  const measured = await Promise.all(mounts.map(async (mount) => ({ mount, facts: await measure(mount, ask) })));
  const chosen = new Map<string, DiskFacts>();
  for (const { mount, facts } of measured) {
    if (facts && !chosen.has(mount.identity)) chosen.set(mount.identity, facts);
  }
  return [...chosen.values()].sort((a, b) => (a.mount_point < b.mount_point ? -1 : 1));
}

export interface Mount {
  readonly mount_point: string;
  readonly device: string;
  readonly file_system: string;
  /** Equal for two mounts of one device. */
  readonly identity: string;
}

/**
 * The mounts of a mountinfo file (proc_pid_mountinfo(5)) that hold data, shortest path first: no kernel views, no memory,
 * no read-only images, which are always full. A later mount on the same point hides the earlier one.
 */
export function realMounts(text: string): readonly Mount[] {
  const visible = new Map<string, Mount>();
  for (const line of text.split("\n")) {
    const [before, after] = line.split(" - ");
    const [, , numbers, , mount_point] = before?.split(" ") ?? [];
    const [file_system, source] = after?.split(" ") ?? [];
    if (!numbers || !mount_point || !file_system || !source) continue;
    const device = unescapeOctal(source);
    visible.set(mount_point, {
      mount_point: unescapeOctal(mount_point),
      device,
      file_system,
      // Subvolumes of one device have device numbers of their own.
      identity: device.startsWith("/") ? device : `${numbers} ${device}`,
    });
  }
  return [...visible.values()].filter(holdsData).sort((a, b) => a.mount_point.length - b.mount_point.length);
}

const storage = new Set(
  `ext2 ext3 ext4 xfs btrfs zfs f2fs jfs reiserfs nilfs2 bcachefs ubifs jffs2 vfat msdos exfat ntfs ntfs3 hfs hfsplus apfs
  udf ocfs2 gfs2 fuseblk virtiofs 9p vboxsf nfs nfs4 cifs smb3 ceph glusterfs afs lustre fuse.sshfs fuse.s3fs fuse.rclone
  fuse.mergerfs fuse.glusterfs fuse.ceph fuse.gcsfuse fuse.blobfuse2 fuse.zfs`.split(/\s+/),
);

/** The root of a container or of a system in memory counts whatever it is: it is what fills up. */
function holdsData(mount: Mount): boolean {
  return mount.mount_point === "/" || storage.has(mount.file_system);
}

async function measure(mount: Mount, ask: AskSizes): Promise<DiskFacts | undefined> {
  const { identity: _, ...named } = mount;
  const facts = { ...named, mount_point: harmless(mount.mount_point), device: harmless(mount.device) };
  const unknown = { ...facts, total: 0, used: 0, available: 0 };
  try {
    const answer = await answerOf(mount.mount_point, ask);
    if (answer === "late") return { ...unknown, problem: `no answer within ${answer_ms} ms` };
    if (!answer) return undefined;
    const size = (blocks: number): number => saturate(Math.max(0, blocks) * answer.frsize);
    return {
      ...facts,
      total: size(answer.blocks),
      used: size(answer.blocks - answer.bfree),
      available: size(answer.bavail),
      problem: null,
    };
  } catch (cause) {
    // The mount is outside this process's root directory, or was taken away since the table was read.
    if (systemErrorName(cause) === "ENOENT") return undefined;
    return { ...unknown, problem: asFault(cause).message };
  }
}

async function askSystem(mount_point: string): Promise<FileSystemSizes | undefined> {
  const [sizes, node] = await Promise.all([statfs(mount_point), stat(mount_point)]);
  return node.isDirectory() ? sizes : undefined;
}

const answer_ms = 1_000;

/** Mount points still asked: a dead network file system holds a thread for ever, so it gets one and not one per call. */
const waiting = new Set<string>();

async function answerOf(mount_point: string, ask: AskSizes): Promise<FileSystemSizes | undefined | "late"> {
  if (waiting.has(mount_point)) return "late";
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => {
    waiting.add(mount_point);
    resolve("late");
  }, answer_ms);
  const answer = ask(mount_point).finally(() => {
    clearTimeout(timer);
    waiting.delete(mount_point);
  });
  return await Promise.race([answer, late]);
}

/** White space and backslashes of a path are written as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
