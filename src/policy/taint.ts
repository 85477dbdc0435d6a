/** The Rule of Two as policy knows it: strangers' words and private data in one context, and a call that reaches out. Pure. */
import { grammars, kindOfResource, type ResourceRequest } from "./pattern.ts";

/** What the engine knows of the run a call is made in, and of the call. */
export interface AccessTaint {
  /** Words of strangers are in the context. */
  readonly untrusted: boolean;
  /** Things that are not meant for the world are in the context. */
  readonly private: boolean;
  /** The call speaks to the outside, with bytes the operator did not write. */
  readonly outward: boolean;
  /** Patterns of paths whose content acts outside by itself, once it is written there. */
  readonly acting_paths: readonly string[];
}

/**
 * Why the operator is asked whatever grants and rules say, or undefined. Nothing private need have been read where an
 * acting path is written: what acts there later does so with more rights than the run has.
 */
export function taintQuestion(
  taint: AccessTaint | undefined,
  resources: readonly ResourceRequest[],
): string | undefined {
  if (!taint?.untrusted) return undefined;
  if (taint.outward && taint.private) {
    return "the run has read words of strangers and private data, and this call could carry one out for the other";
  }
  const acting = resources.find((each) => isActing(taint, each));
  if (!acting) return undefined;
  return `the run has read words of strangers, and what is written to ${JSON.stringify(acting.value.slice(0, 300))} acts by itself`;
}

/** Whether a resource met while an allowed call runs would have to be asked about; `named` are those the call itself named. */
export function isBeyondAnswer(
  taint: AccessTaint | undefined,
  named: readonly ResourceRequest[],
  more: ResourceRequest,
): boolean {
  if (!taint?.untrusted || named.some((each) => isSame(each, more) || isPart(taint, each, more))) return false;
  if (isActing(taint, more)) return true;
  return taint.outward && taint.private && kindOfResource(more) === "endpoint";
}

function isSame(one: ResourceRequest, other: ResourceRequest): boolean {
  return kindOfResource(one) === kindOfResource(other) && one.value === other.value;
}

/** Whether a place lies beneath an acting one that the call named: that one was asked about. */
function isPart(taint: AccessTaint, named: ResourceRequest, more: ResourceRequest): boolean {
  return isActing(taint, named) && kindOfResource(more) === "path" && more.value.startsWith(`${named.value}/`);
}

/** What is read acts nowhere. A pattern that is malformed is taken to cover everything. */
function isActing({ acting_paths }: AccessTaint, resource: ResourceRequest): boolean {
  if (kindOfResource(resource) !== "path" || resource.capability === "fs.read") return false;
  const { patternProblem, matches } = grammars.path;
  return acting_paths.some(
    (pattern) => patternProblem(pattern) !== undefined || matches(pattern, resource.value, true),
  );
}
