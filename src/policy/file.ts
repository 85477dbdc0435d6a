/** Writing the policy file: the old text with the smallest edits that make it say the new policy, replaced atomically. */
import { writeAtomic } from "../core/atomic.ts";
import { canonicalize, type Json } from "../core/canonical.ts";
import { asFault } from "../core/fault.ts";
import { readJsonc } from "../core/jsonc.ts";
import { editJsonc } from "../core/jsonc-edit.ts";
import { emptyPolicy, parsePolicy, type Policy, policyDigest } from "./policy.ts";

const blank = `// Who may do what. Nothing is allowed to an agent unless a grant here covers it, and a rule beats every grant.
// The grammar: docs/specs/policy.md. Try it out: reeve policy explain, reeve policy test.
{
  "version": 1,
  "agents": {},
  "rules": []
}
`;

/** Makes the file, which holds `before` or is not there, say `after`; returns `after` as read back from the new text. */
export function writePolicy(path: string, before: Policy, after: Policy): Policy {
  const text = textOf(before.revision === null ? blank : readJsonc(path).text, before, after);
  try {
    writeAtomic(path, text, 0o600);
  } catch (cause) {
    throw asFault(cause, path);
  }
  return parsePolicy(text, path);
}

/** Edits `text` from `before` to `after`; where edits cannot express it (another order) the file is laid out anew. */
function textOf(text: string, before: Policy, after: Policy): string {
  const edited = edit(text, before, after);
  if (policyDigest(parsePolicy(edited, "the edited policy")) === policyDigest(after)) return edited;
  return edit(blank, emptyPolicy, after);
}

function edit(text: string, before: Policy, after: Policy): string {
  let result = text;
  for (const name of before.agents.keys()) {
    if (!after.agents.has(name)) result = editJsonc(result, ["agents", name], undefined);
  }
  for (const [name, grants] of after.agents) {
    const held = before.agents.get(name);
    result = held
      ? editList(result, ["agents", name, "grants"], held, grants)
      : editJsonc(result, ["agents", name], { grants } as unknown as Json);
  }
  return editList(result, ["rules"], before.rules, after.rules);
}

function editList(text: string, path: readonly string[], before: readonly object[], after: readonly object[]): string {
  const [old, wanted] = [before.map(said), after.map(said)];
  let result = text;
  for (let i = old.length - 1; i >= 0; i--) {
    if (!wanted.includes(old[i] ?? "")) result = editJsonc(result, [...path, i], undefined);
  }
  let length = old.filter((entry) => wanted.includes(entry)).length;
  for (const [i, entry] of after.entries()) {
    if (!old.includes(wanted[i] ?? "")) result = editJsonc(result, [...path, length++], entry as unknown as Json);
  }
  return result;
}

/** What an entry says, so that one read twice is known again. */
function said(entry: object): string {
  return canonicalize(entry as unknown as Json);
}
