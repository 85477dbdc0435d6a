/** Changing settings: the whole result is checked, then all of it is written or nothing; comments stay. */
import { writeAtomic } from "../core/atomic.ts";
import { canonicalize, type Json } from "../core/canonical.ts";
import { asFault } from "../core/fault.ts";
import { readJsonc } from "../core/jsonc.ts";
import { editJsonc } from "../core/jsonc-edit.ts";
import { withLock } from "../core/lock.ts";
import { earlierSetting, isReference, isSecretName, secretName } from "./earlier.ts";
import { type Issue, issuesFault, parseConfig, unknownIssue, valueIssue } from "./load.ts";
import { type Config, settingSchemas } from "./settings.ts";

/**
 * Gives settings, by dotted name, new values and returns the names of those that changed, sorted; the file as it was is
 * kept as `PATH.bak`. Throws `invalid_argument` with every unknown name and unfit value, and the faults of `loadConfig`
 * for a file that was already wrong; then, and with `dry_run`, nothing is written. `accept` refuses the whole result by
 * throwing.
 */
export function setConfig(
  path: string,
  updates: { readonly [field: string]: Json },
  options: { readonly dry_run: boolean; readonly accept?: (next: Config) => void },
): readonly string[] {
  const issues = Object.entries(updates).flatMap(([field, value]) => updateIssue(field, value) ?? []);
  if (issues.length > 0) throw issuesFault("the change", issues);
  const accepted = (): Plan => {
    const planned = plan(path, updates);
    options.accept?.(planned.next);
    return planned;
  };
  return options.dry_run ? accepted().changed : withLock(path, () => write(path, accepted()));
}

interface Plan {
  readonly changed: readonly string[];
  readonly before: string;
  readonly after: string;
  readonly next: Config;
}

function plan(path: string, updates: { readonly [field: string]: Json }): Plan {
  const before = readJsonc(path).text;
  const old = parseConfig(before, path);
  const wanted = Object.entries(updates).filter(([field, value]) => !isSame(valueOf(old, field), value));
  const after = wanted.reduce((text, [field, value]) => editJsonc(text, field.split("."), value), before);
  const next = parseConfig(after, path);
  const changed = [...settingSchemas.keys()].filter((field) => !isSame(valueOf(old, field), valueOf(next, field)));
  return { changed: changed.sort(), before, after, next };
}

function write(path: string, { changed, before, after }: Plan): readonly string[] {
  if (changed.length === 0) return changed;
  try {
    writeAtomic(`${path}.bak`, before, 0o600);
    writeAtomic(path, after, 0o600);
  } catch (cause) {
    throw asFault(cause, path);
  }
  return changed;
}

function updateIssue(field: string, value: Json): Issue | undefined {
  // A key of digits alone is a number here, and no less of a key.
  const secret = secretName(field, isSecretName(field) && value !== null && !isReference(value) ? "it" : value);
  if (secret !== undefined) {
    return { field, words: "a secret must not stand in the configuration", hint: `run: reeve secrets set ${secret}` };
  }
  if (settingSchemas.has(field)) return valueIssue(field, value);
  const earlier = earlierSetting(field);
  if (!earlier) return unknownIssue(field);
  if ("to" in earlier) return { field, words: "has another name now", hint: `set ${earlier.to}` };
  return { field, words: "has no effect", hint: earlier.without_effect };
}

function valueOf(config: Config, field: string): Json {
  let at: unknown = config;
  for (const key of field.split(".")) at = (at as Readonly<Record<string, unknown>> | undefined)?.[key];
  return (at ?? null) as Json;
}

function isSame(a: Json, b: Json): boolean {
  return canonicalize(a) === canonicalize(b);
}
