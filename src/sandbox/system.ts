/** What of the machine every confined program sees: where programs and libraries live, certificates, and no accounts. */
import { lstatSync, readlinkSync } from "node:fs";

/** A directory shown read-only, or a link shown as it is. */
export interface Shown {
  readonly path: string;
  /** Where the link leads; null for a directory. */
  readonly link: string | null;
}

/** The directories programs live in; a merged-usr link stays a link. */
export function systemDirectories(): readonly Shown[] {
  return ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store"].flatMap((path): readonly Shown[] => {
    const facts = lstatSync(path, { throwIfNoEntry: false });
    if (!facts) return [];
    return [{ path, link: facts.isSymbolicLink() ? readlinkSync(path) : null }];
  });
}

/** Not all of /etc: it holds what only this machine should know. */
export const sharedEtc: readonly string[] = [
  "/etc/alternatives",
  "/etc/ca-certificates",
  "/etc/ld.so.cache",
  "/etc/ld.so.conf",
  "/etc/ld.so.conf.d",
  "/etc/localtime",
  "/etc/mime.types",
  "/etc/pki/tls/certs",
  "/etc/ssl/certs",
  "/etc/ssl/openssl.cnf",
];

/** The one account inside. */
export const inside = { user: "agent", uid: 1000, gid: 1000, home: "/work" } as const;

/** Files of /etc made up for the inside. */
export const madeEtc: Readonly<Record<string, string>> = {
  passwd: `${inside.user}:x:${inside.uid}:${inside.gid}::${inside.home}:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n`,
  group: `${inside.user}:x:${inside.gid}:\nnogroup:x:65534:\n`,
  hosts: "127.0.0.1 localhost\n::1 localhost\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
};

export const searchPath: readonly string[] = [
  "/usr/local/bin",
  "/usr/bin",
  "/bin",
  "/usr/local/sbin",
  "/usr/sbin",
  "/sbin",
  "/run/current-system/sw/bin",
];
