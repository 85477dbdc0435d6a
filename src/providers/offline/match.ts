/** Finds the tool for one clause: ranked by BM25, kept only when it covers the clause's topics, its input filled from the clause. */
import type { Json } from "../../core/canonical.ts";
import type { ProviderContext, ToolOffer } from "../../define/provider.ts";
import type { Clause, Refusal } from "./clauses.ts";
import { type Details, detailsOf } from "./extract.ts";
import type { Field } from "./fields.ts";
import { demandsOf, fillInput, focusOf } from "./fill.ts";
import { knownOf, type Profile } from "./offers.ts";
import { isFilePath } from "./paths.ts";
import { rephrase } from "./phrases.ts";
import { type Term, termsOf } from "./words.ts";

export interface Match {
  readonly clause: Clause;
  /** Undefined when no tool fits. */
  readonly offer: ToolOffer | undefined;
  readonly details: Details;
  readonly terms: readonly Term[];
  /** The calls' inputs; none when a required field is missing. */
  readonly inputs: readonly Json[];
  readonly notes: readonly string[];
  readonly missing: Field | undefined;
}

export interface Matcher {
  match(clause: Clause): Match;
  /** Set when the clause writes out the name of a tool that is not read-only. */
  actNamed(clause: Clause): Refusal | undefined;
  /** The offers closest to a text, acting ones too; all read-only ones when none is close. */
  nearest(text: string): readonly ToolOffer[];
}

interface Candidate {
  readonly offer: ToolOffer;
  readonly score: number;
  /** Share of the clause's topics the tool speaks of, 0 to 1. */
  readonly coverage: number;
}

/** A longer clause is no question; it matches nothing. */
const maxClauseLength = 400;
/** Share of a clause's topics a tool must cover. */
const leastCoverage = 0.55;
/** A tool whose needed field is missing gives way to one that scores at least this share of it. */
const leastShare = 0.3;

export function matcherOf(offers: readonly ToolOffer[], rank: ProviderContext["rank"]): Matcher {
  const known = knownOf(offers);
  const isTopic = (word: string): boolean => known.vocabulary.has(word);

  function read(clause: Clause): { readonly details: Details; readonly terms: readonly Term[] } {
    const about = termsOf(clause.text, known.vocabulary).map((term) => term.concept);
    const about_time = about.includes("time") || about.includes("timezone");
    const details = detailsOf(clause, { tools: known.names, isTopic, about_time });
    const terms = termsOf(rephrase(details.rest), known.vocabulary);
    return { details, terms: [...terms, ...impliedTerms(terms, details)] };
  }

  function match(clause: Clause): Match {
    if (clause.text.length > maxClauseLength) return { ...unread, clause };
    const { details, terms } = read(clause);
    const concepts = terms.map((term) => term.concept);
    const base = { clause, details, terms, inputs: [], notes: [], missing: undefined };
    const candidates = named(details) ?? ranked(terms, details);
    const best = candidates[0];
    if (!best) return { ...base, offer: undefined };
    for (const { offer, score, coverage } of candidates) {
      if (score < best.score * leastShare || coverage < best.coverage) continue;
      const filled = fillInput(offer, details, concepts);
      if ("inputs" in filled) return { ...base, offer, inputs: filled.inputs, notes: filled.notes };
    }
    const filled = fillInput(best.offer, details, concepts);
    return { ...base, offer: best.offer, missing: "missing" in filled ? filled.missing : undefined };
  }

  function named(details: Details): readonly Candidate[] | undefined {
    const found = [...known.readable.values()].filter(({ offer }) => details.tools.some((name) => isName(offer, name)));
    return found.length > 0 ? found.map(({ offer }) => ({ offer, score: 1, coverage: 1 })) : undefined;
  }

  function ranked(terms: readonly Term[], details: Details): readonly Candidate[] {
    if (terms.length === 0) return [];
    const concepts = terms.map((term) => term.concept);
    const demands = demandsOf(details);
    const candidates = rank(concepts.join(" "), known.readable_documents).flatMap(({ id, score }) => {
      const profile = known.readable.get(id);
      const coverage = profile ? coverageOf(terms, profile) : 0;
      if (!profile || coverage < leastCoverage) return [];
      const fit = demands.reduce((product, role) => product * (profile.roles.includes(role) ? 1.3 : 0.5), 1);
      return [{ offer: profile.offer, score: score * coverage * fit * focusOf(profile.offer, concepts), coverage }];
    });
    return candidates.sort((a, b) => b.score - a.score);
  }

  return {
    match,
    actNamed: (clause) => {
      const { tools } = detailsOf(clause, { tools: known.names, isTopic, about_time: false });
      const act = offers.find((offer) => offer.effect !== "read" && tools.some((name) => isName(offer, name)));
      return act ? { kind: "act", verb: act.name } : undefined;
    },
    nearest: (text) => {
      const concepts = termsOf(text, known.vocabulary).map((term) => term.concept);
      const found = rank(concepts.join(" "), known.all_documents);
      const close = found.slice(0, 3).flatMap(({ id }) => offers.find((offer) => offer.name === id) ?? []);
      return close.length > 0 ? close : [...known.readable.values()].map(({ offer }) => offer);
    },
  };
}

/** What a clause that is not read amounts to: a topic no tool has. */
const unread: Omit<Match, "clause"> = {
  offer: undefined,
  details: detailsOf({ text: "", source: "", fragment: false }, { tools: [], isTopic: () => false, about_time: false }),
  terms: [{ concept: "", weight: 1 }],
  inputs: [],
  notes: [],
  missing: undefined,
};

function isName(offer: ToolOffer, written: string): boolean {
  return offer.name.toLowerCase().replaceAll(".", "_") === written.replaceAll(".", "_");
}

/** A word that stands only in the summary counts less than one of the name, the phrases or the choices. */
function coverageOf(terms: readonly Term[], profile: Profile): number {
  const total = terms.reduce((sum, term) => sum + term.weight, 0);
  const covered = terms.reduce((sum, { concept, weight }) => {
    if (profile.strong.has(concept)) return sum + weight;
    return profile.all.has(concept) ? sum + weight * 0.6 : sum;
  }, 0);
  return covered / total;
}

/** A bare path asks to be read or listed, bare quoted text to be searched for, a bare name whether it runs. */
function impliedTerms(terms: readonly Term[], details: Details): readonly Term[] {
  const known = new Set(terms.map((term) => term.concept));
  const implied = (...concepts: readonly string[]) =>
    concepts.filter((concept) => !known.has(concept)).map((concept) => ({ concept, weight: 0.5 }));
  const topics = terms.filter((term) => term.concept !== "file" && term.concept !== "folder" && term.weight === 1);
  if (details.names.length > 0) return implied("process");
  if (topics.length > 0) return [];
  if (details.pattern !== undefined) return implied("search", "source");
  const [path] = details.paths;
  if (path === undefined) return [];
  if (isFilePath(path) && !known.has("list") && !known.has("large")) return implied("read", "file");
  return known.has("read") ? implied("file") : implied("list", "folder");
}
