/** What to do about a request: at most four read-only calls, or the reasons why none. Deterministic in request and offers. */
import { canonicalize, type Json } from "../../core/canonical.ts";
import type { ProviderContext, ToolOffer } from "../../define/provider.ts";
import { type Clause, join, type Refusal, refusalOf, splitClauses } from "./clauses.ts";
import type { Details } from "./extract.ts";
import type { Field } from "./fields.ts";
import { focusOf } from "./fill.ts";
import { type Match, type Matcher, matcherOf } from "./match.ts";

export const maxCalls = 4;
/** Longer requests hold more than questions: judging them by their words would answer something nobody asked. */
export const maxRequestLength = 4000;
export const maxClauses = 32;

export interface PlannedCall {
  readonly tool: string;
  readonly input: Json;
  readonly details: Details;
}

export interface Plan {
  readonly calls: readonly PlannedCall[];
  /** A tool fits but a field it needs is not in the request. */
  readonly missing: readonly { readonly offer: ToolOffer; readonly field: Field }[];
  /** Clauses no tool fits, as typed. */
  readonly unmatched: readonly string[];
  /** How many calls more than the most there may be were left out. */
  readonly left_out: number;
  readonly notes: readonly string[];
  readonly refusal: Refusal | undefined;
  /** When nothing is called: the offers closest to the request, best first. */
  readonly nearest: readonly ToolOffer[];
  readonly problem: "none" | "empty" | "too_long";
}

const nothing: Plan = {
  calls: [],
  missing: [],
  unmatched: [],
  left_out: 0,
  notes: [],
  refusal: undefined,
  nearest: [],
  problem: "none",
};

export function planFor(request: string, all: readonly ToolOffer[], rank: ProviderContext["rank"]): Plan {
  // Every tool there is was offered: there is nothing to search for.
  const offers = all.filter(({ name }) => name !== "tool.search");
  const clauses = request.length > maxRequestLength ? undefined : splitClauses(request);
  if (!clauses || clauses.length > maxClauses) return { ...nothing, problem: "too_long" };
  const matcher = matcherOf(offers, rank);
  if (clauses.length === 0) return { ...nothing, problem: "empty", nearest: matcher.nearest("") };
  const refusal = clauses
    .map((clause) => refusalOf(clause) ?? matcher.actNamed(clause))
    .find((each) => each !== undefined);
  if (refusal) return { ...nothing, refusal, nearest: matcher.nearest(request) };
  const matches = merge(clauses, matcher);
  const plan = collect(matches);
  return { ...nothing, ...plan, nearest: plan.calls.length === 0 ? matcher.nearest(request) : [] };
}

/** "I am worried about the server" asks nothing. */
const statement = /^\s*(?:i|we|my|our)\s(?!want|need|would|wish)/iu;

/** A fragment without a topic of its own, or with one its neighbour's tool answers in the same call, is read together with it. */
function merge(clauses: readonly Clause[], matcher: Matcher): readonly Match[] {
  const matches: Match[] = [];
  for (const clause of clauses) {
    const match = matcher.match(clause);
    const last = matches.at(-1);
    if (!saysAnything(match)) continue;
    if (clause.fragment && last?.offer && continues(match, last)) {
      const joined = matcher.match(join(last.clause, clause));
      if (joined.offer) matches[matches.length - 1] = joined;
    } else matches.push(match);
  }
  return matches;
}

/** A fragment that means another choice of the same tool asks for a call of its own. */
function continues(match: Match, last: Match): boolean {
  if (!match.offer || match.terms.length === 0) return true;
  const concepts = match.terms.map((term) => term.concept);
  return match.offer.name === last.offer?.name && focusOf(match.offer, concepts) === 1;
}

function saysAnything({ terms, details }: Match): boolean {
  const { paths, zones, tools, ids, names, pattern } = details;
  return (
    terms.length + paths.length + zones.length + tools.length + ids.length + names.length > 0 || pattern !== undefined
  );
}

function collect(matches: readonly Match[]): Pick<Plan, "calls" | "missing" | "unmatched" | "left_out" | "notes"> {
  const calls = new Map<string, PlannedCall>();
  const missing = new Map<string, { readonly offer: ToolOffer; readonly field: Field }>();
  for (const { offer, inputs, details, missing: field } of matches) {
    if (!offer) continue;
    if (field) missing.set(offer.name, { offer, field });
    for (const input of inputs) {
      const key = `${offer.name} ${canonicalize(input)}`;
      if (!calls.has(key)) calls.set(key, { tool: offer.name, input, details });
    }
  }
  const kept = [...calls.values()].slice(0, maxCalls);
  return {
    calls: kept,
    missing: [...missing.values()],
    unmatched: matches.flatMap(({ offer, clause }) =>
      offer || statement.test(clause.text) ? [] : [clause.source.trim()],
    ),
    left_out: calls.size - kept.length,
    notes: [...new Set(matches.flatMap((match) => match.notes))],
  };
}
