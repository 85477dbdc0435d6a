/** The text a clause wants to be searched for, quoted or not. */
import type { Blanking } from "./blanking.ts";

export interface NamedPattern {
  readonly pattern: string | undefined;
  /** True when it was called a regular expression; otherwise it is plain text. */
  readonly regex: boolean;
}

const asks =
  /\b(?:search(?:ing)?|grep|rg|scan|find|occurrences?|mentions?|contain(?:s|ing)?|mention(?:s|ing)?|look(?:ing)? for|locate|lines? with|matching|matches|text|string|word|regex|regexp|pattern|where)\b/iu;

/** True when the clause asks for text to be found. */
export function asksForText(clause: string): boolean {
  return asks.test(clause);
}

const kind = "(?:word|text|string|pattern|term|phrase|regex|regexp|symbol|function|name)";
const article = "(?:(?:a|an|the|all|any|every)\\s+)*";
const until =
  "(?=\\s+(?:in|inside|under|within|across|among|throughout|from|of|through|here|there)(?:\\s|$)|\\s*[,;.!?]*\\s*$)";
const forms: readonly RegExp[] = [
  `\\b(?:occurrences?|mentions?|uses|usages?|references?)\\s+(?:of|to)\\s+${article}(?:${kind}\\s+)?(\\S+)`,
  `\\b(?:contain(?:s|ing)?|mention(?:s|ing)?|match(?:es|ing)?|with)\\s+${article}${kind}\\s+(\\S+)`,
  `\\b(?:files?|lines?|code)\\s+(?:that\\s+|which\\s+)?(?:contains?|containing|mentions?|mentioning|match(?:es|ing)?|with)\\s+${article}(\\S+)`,
  `\\bwhere\\s+(?:is|are)\\s+${article}(?:${kind}\\s+)?(\\S+)\\s+(?:used|defined|called|declared|mentioned|implemented)\\b`,
  `\\b(?:word|string|regex|regexp|pattern|regular expression)\\s+(\\S+)`,
].map((source) => new RegExp(source, "iu"));
/** After "find", only what looks like code or a marker is a pattern: FIXME, parseConfig, data_loss, main(). */
const code =
  /\b(?:find|locate|where is|where are)\s+(?:all\s+|every\s+|any\s+|the\s+)*([A-Z][A-Z0-9_]{2,}s?|[a-z]+[A-Z]\w*|\w+_\w+|\w+\(\))(?=\s|$|[,.!?])/u;
const open = new RegExp(
  `\\b(?:search(?:ing)?|grep|rg|scan|look(?:ing)?)\\s+(?:(?:in|through)\\s+)?(?:${article}(?:code|sources?|files|everything|everywhere|workspace|project)\\s+)?(?:for\\s+)?${article}(?:${kind}\\s+)?(\\S(?:.*?\\S)??)${until}`,
  "iu",
);
const things =
  /\b(?:files?|folders?|director(?:y|ies)|process(?:es)?|ports?|largest|biggest|it|something|anything|me|this|for|at|like|into)\b/iu;

/** `quoted` are the clause's quoted texts that are no paths. */
export function patternIn(text: Blanking, quoted: readonly string[]): NamedPattern {
  const regex = /\b(?:regex|regexp|regular expression)\b/iu.test(text.rest);
  const [first] = quoted;
  if (first !== undefined) return { pattern: first, regex };
  if (!asksForText(text.rest)) return { pattern: undefined, regex };
  for (const form of [...forms, code, open]) {
    const match = form.exec(text.rest);
    const pattern = (match?.[1] ?? "").replace(/[\s?!.,;:]+$/u, "");
    if (!match || pattern === "" || pattern.split(/\s+/u).length > 5) continue;
    if (form === open && things.test(pattern)) continue;
    text.takeMatch(match);
    return { pattern, regex };
  }
  return { pattern: undefined, regex };
}
