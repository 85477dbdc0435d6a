/** Files as a program without a workspace guard would reach them: by name, links followed, wherever the name leads. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { asFault, Fault } from "../core/fault.ts";
import { liesInside } from "../core/home.ts";
import type { FileFacts, WorkspaceHandle } from "../define/handles.ts";
import type { ResourceRequest } from "../policy/decide.ts";

/** What policy is told: the path as it would be if nothing in it led elsewhere. */
export function loosePath(root: string, path: string): string {
  const normal = posix.normalize(path);
  if (normal === root || liesInside(root, normal)) return posix.relative(root, normal) || ".";
  return normal.replace(/^(?:\/|\.\.(?:\/|$))+/, "").replace(/\/$/, "") || ".";
}

export function looseFiles(root: string, permits: (resource: ResourceRequest) => boolean): WorkspaceHandle {
  const reach = (path: string, capability: string): string => {
    if (permits({ capability, kind: "path", value: loosePath(root, path) })) return placeOf(root, path);
    throw new Fault("permission_denied", `the grants of this call do not cover ${JSON.stringify(path)}`, {
      hint: "see reeve policy explain",
    });
  };
  const named = async <T>(path: string, work: () => T): Promise<T> => {
    try {
      return work();
    } catch (thrown) {
      throw asFault(thrown, path);
    }
  };
  const read = (path: string) => reach(path, "fs.read");
  const factsIn = (path: string): readonly FileFacts[] =>
    readdirSync(placeOf(root, path)).flatMap((name) => {
      const child = path === "." ? name : posix.join(path, name);
      const isShown = permits({ capability: "fs.read", kind: "path", value: loosePath(root, child) });
      return isShown && existsSync(placeOf(root, child)) ? [factsOf(root, child)] : [];
    });
  return {
    relative: (path) => path,
    stat: (path) => named(path, () => (existsSync(read(path)) ? factsOf(root, path) : undefined)),
    read: (path, max_bytes) =>
      named(path, () => {
        const bytes = readFileSync(read(path));
        return { bytes: new Uint8Array(bytes.subarray(0, max_bytes)), size: bytes.length };
      }),
    list: (path) =>
      named(path, () => {
        read(path);
        return factsIn(path);
      }),
    async *walk(path, { signal }) {
      read(path);
      const pending: FileFacts[] = statSync(placeOf(root, path)).isDirectory()
        ? [...factsIn(path)]
        : [factsOf(root, path)];
      for (let next = pending.pop(); next && !signal.aborted; next = pending.pop()) {
        if (next.type === "dir") pending.push(...factsIn(next.path));
        else yield next;
      }
    },
    write: (path, bytes, options) =>
      named(path, () => {
        const place = reach(path, "fs.write");
        mkdirSync(dirname(place), { recursive: true });
        if (options?.mode === "append") appendFileSync(place, bytes);
        else writeFileSync(place, bytes);
      }),
    makeDirectory: (path) => named(path, () => void mkdirSync(reach(path, "fs.write"), { recursive: true })),
    remove: (path) =>
      named(path, () => {
        const place = reach(path, "fs.delete");
        const type = statSync(place).isDirectory() ? "dir" : "file";
        rmSync(place, { recursive: true });
        return type;
      }),
    move: (from, to) =>
      named(from, () => {
        const [source, target] = [reach(from, "fs.delete"), reach(to, "fs.write")];
        const type = statSync(source).isDirectory() ? "dir" : "file";
        renameSync(source, target);
        return type;
      }),
  };
}

function placeOf(root: string, path: string): string {
  return path.startsWith("/") ? path : join(root, path);
}

function factsOf(root: string, path: string): FileFacts {
  const stats = statSync(placeOf(root, path));
  const type = stats.isDirectory() ? "dir" : stats.isFile() ? "file" : "other";
  return { path, name: basename(path), type, size: stats.size, modified_ms: stats.mtimeMs };
}
