/** A request as clauses, and which of them ask for an act or for a model: those are never answered with a call. */

/** One question of a request. `text` has quoted text blanked to spaces of the same length; `source` is as typed. */
export interface Clause {
  readonly text: string;
  readonly source: string;
  /** True when it follows a comma or "and" without a verb of its own, so that it may belong to its neighbour. */
  readonly fragment: boolean;
}

export type Refusal = { readonly kind: "act" | "model"; readonly verb: string };

const quotes = /"[^"\n]*"|“[^”\n]*”|«[^»\n]*»|`[^`\n]*`|(?<=^|[\s(])'[^'\n]+'(?=$|[\s).,;:!?])|(?<=^|[\s(])‘[^’\n]+’/gu;

/** Quoted spans blanked; the length stays, so positions agree with the source. */
export function blankQuotes(text: string): string {
  return text.replace(quotes, (span) => " ".repeat(span.length));
}

/** The quoted texts in order, without their marks. */
export function quotedIn(
  text: string,
): readonly { readonly text: string; readonly start: number; readonly end: number }[] {
  return [...text.matchAll(quotes)].map((found) => ({
    text: found[0].slice(1, -1),
    start: found.index,
    end: found.index + found[0].length,
  }));
}

const opener =
  /^\s*(?:please\s+|now\s+|also\s+|then\s+)*(?:how|what|whats|what's|which|who|whose|where|when|why|is|are|was|were|do|does|did|has|have|can|could|will|would|may|show|list|tell|give|read|open|print|display|find|search|grep|look|check|count|see|get|cat|ls|explain|describe|report|name|let|i|the\s+time|time)\b/iu;
/** A clause that only says where, and so belongs to the next one: "In src, …". */
const adverbial = /^\s*(?:in|under|inside|within|from|at)\s+[^\s]+\s*$/iu;
const pronoun = /^\s*(?:their|its|them|it|they|that|those|these|his|her)\b/iu;
const separators =
  /[.!?…。！？؟]+(?=[\s"'”’)]|$)|[\n;。！？]+|,(?=\s|$)|\s(?:and\s+then|and\s+also|as\s+well\s+as|and|then|also|plus|but|&)(?=\s)/giu;

/** Splits at sentence ends, line ends, semicolons, commas, "and" and "then"; never inside quotes. Fenced and `>` text is not a request. */
export function splitClauses(message: string): readonly Clause[] {
  const request = message.replace(/```[\s\S]*?(?:```|$)/gu, "\n").replace(/^[ \t]*>.*$/gmu, "");
  const blanked = blankQuotes(request);
  const clauses: Clause[] = [];
  let start = 0;
  let soft = false;
  const push = (end: number) => {
    const source = request.slice(start, end);
    const text = blanked.slice(start, end);
    if (!/[\p{L}\p{N}*/."'`“«]/u.test(source)) return;
    const last = clauses.at(-1);
    const fragment = soft && !opener.test(text);
    if (last && fragment && pronoun.test(text)) clauses[clauses.length - 1] = join(last, { text, source, fragment });
    else clauses.push({ text, source, fragment });
  };
  for (const found of blanked.matchAll(separators)) {
    if (found[0] === "," && adverbial.test(request.slice(start, found.index))) continue;
    push(found.index);
    start = found.index + found[0].length;
    soft = /^(?:,|\s)/u.test(found[0]) && !found[0].includes("\n");
  }
  push(request.length);
  return clauses;
}

/** Two clauses as one, joined by "and"; the fragment mark is the first one's. */
export function join(first: Clause, second: Clause): Clause {
  return {
    text: `${first.text} and${second.text}`,
    source: `${first.source} and${second.source}`,
    fragment: first.fragment,
  };
}

const acts = new Set(
  `abort activate add allow alter amend append apply approve apt archive assign attach ban block boot browse build bump burn buy call cancel change
  chmod chown clean cleanup clear clone close commit compile compress configure connect convert copy cp create curl cut deactivate deduplicate
  delete deny deploy destroy detach disable disconnect download drop edit eject email empty enable encrypt decrypt erase exec execute export fetch fix
  flush force forget format forward free generate git give grant halt hide hire implement import increase decrease initialise initialize init insert install invoke issue
  kill launch lock login logout mail make merge message migrate mkdir modify mount move mv notify nuke optimise optimize order overwrite
  patch pause pay ping pip npm place plant post power prevent prune publish pull purge push put quarantine reboot rebuild recover
  refresh reinstall reload remove rename repair replace reset restart restore resume retry revert revoke rm rmdir roll rollback rotate run
  save schedule sell send set setup ship shred shut shutdown sign spawn split squash start stash stop store strip submit subscribe sudo suspend
  switch sync systemctl tag terminate test throttle toggle touch transfer trash truncate turn unblock undo uninstall unlink unlock
  unmount update upgrade upload use wget whitelist wipe withdraw write zip unzip tar ssh scp`.split(/\s+/),
);
const creations = new Set(
  `summarise summarize translate rewrite paraphrase review refactor compose brainstorm draft poem joke story essay haiku invent imagine guess
  predict recommend suggest advise convince pretend roleplay sing draw paint simulate calculate compute solve prove teach explain
  analyse analyze interpret criticise criticize debug`.split(/\s+/),
);

/** Nouns that look like an act at the head of a clause: "run history" asks, "run make" acts. */
const nouns: Readonly<Record<string, RegExp>> = {
  run: /^(?:history|list|metrics|statistics|states?|stats|counts?)\b/u,
  use: /^(?:[a-z]+[._][a-z_]+)\b/u,
  call: /^(?:[a-z]+[._][a-z_]+)\b/u,
  invoke: /^(?:[a-z]+[._][a-z_]+)\b/u,
  update: /^(?:me|us|on)\b/u,
  give: /^(?!.*\b(?:access|permissions?|rights|root)\b)/u,
  start: /^time\b/u,
  mount: /^points?\b/u,
  free: /^(?:memory|disk|space|ram|mem|swap)\b/u,
  test: /^$/u,
  power: /^(?:usage|draw|consumption)\b/u,
  git: /^$/u,
  set: /^$/u,
};

const politeness =
  /^(?:please|pls|plz|kindly|hey|hi|hello|ok|okay|so|well|now|then|also|just|first|next|finally|second|third|and|but|or|reeve|agent|assistant|can you|could you|would you|will you|can we|could we|you must|you should|you can|you may|you will|you have to|you need to|we should|we need to|we must|i want you to|i need you to|i would like you to|i would like to|i'd like you to|i'd like to|i want to|i need to|i have to|want to|need to|id like to|help me to|help me|help|let's|lets|let us|go ahead and|go|try to|make sure to|make sure you|be sure to|do not forget to|don't forget to|remember to|do|how do i|how do you|how do we|how to|how can i|how can we|how would i|how should i|should i|should we|may i|can i|could i|is it ok to|is it okay to|is it possible to|it is time to|your task is to|task|todo|system|user|admin|root|sudo|instruction|instructions|new instructions?|important|would you mind|mind|immediately|silently|quickly|simply|secretly|automatically|again|really|always|never|immediately)(?=[\s:,!-]|$)[\s:,!-]*/u;

const asking =
  /^(?:what|whats|what's|which|who|whose|where|when|why|is|are|was|were|did|does|has|have|had|do|may|how)\b/u;
/** "Are you allowed to delete files?" asks about policy. */
const aboutRights = /\b(?:allowed|permitted|permissions?|rights?|privileges?|policy|grants?)\b/u;
const looking =
  /^(?:show|list|tell|read|print|display|find|search|grep|look|check|count|see|get|cat|ls|report|view|describe|give)\b/u;

/** What a clause asks for beyond looking, or undefined. Judged on the text outside quotes only. */
export function refusalOf(clause: Clause): Refusal | undefined {
  const words = strip(
    clause.text
      .toLowerCase()
      .replace(/[’]/gu, "'")
      .replace(/[*_#>()[\]{}|]+(?=\s)|(?<=\s)[*_#>()[\]{}|]+/gu, " ")
      .trim(),
  );
  const head = /^[a-z]+/u.exec(words)?.[0] ?? "";
  const rest = words.slice(head.length).trim();
  for (const [, , last = ""] of words.matchAll(/(?<![\w./-])([a-z]+)[._]([a-z]+)(?![\w./-])/gu)) {
    if (acts.has(last)) return { kind: "act", verb: last };
  }
  if (acts.has(head) && !nouns[head]?.test(rest)) return { kind: "act", verb: head };
  if (creations.has(head)) return { kind: "model", verb: head };
  const idiom =
    /\b(?:get rid of|shut(?:ting)? down|turn (?:it |them )?(?:off|on)|clean (?:it |them )?up|take down|bring down|tear down|log (?:in|out)|sign in|throw away|power off)\b/u.exec(
      words,
    );
  if (idiom) return { kind: "act", verb: idiom[0] };
  if (asking.test(clause.text.trim().toLowerCase()) && aboutRights.test(words)) return undefined;
  const ordered =
    /\b(?:to|and|then|please|now|must|should|can you|could you|will|let's|go)\s+(?:be\s+|also\s+|just\s+)?([a-z]+)\b/gu;
  for (const [, verb = ""] of words.matchAll(ordered)) {
    if (acts.has(verb) && !harmlessLater.has(verb)) return { kind: "act", verb };
  }
  const passive =
    /\b(?:want|wants|needs?|should|must|have|has|be|get)\s+(?:[\w./-]+\s+){0,4}?(?:be\s+|being\s+|to be\s+)?(deleted|removed|written|installed|restarted|stopped|killed|renamed|moved|created|updated|upgraded|granted|revoked|erased|wiped|rebooted|disabled|enabled|changed|uninstalled)\b/u.exec(
      words,
    );
  if (passive && !asking.test(words) && !looking.test(words)) return { kind: "act", verb: passive[1] ?? "" };
  const created =
    /\b(?:a|an|the|me a|another)\s+(?:\w+\s+)?(poem|joke|story|essay|haiku|song|translation|summary|recipe|opinion)\b/u.exec(
      words,
    );
  if (created && created[1] !== "summary") return { kind: "model", verb: created[1] ?? "" };
  return undefined;
}

/** Verbs that after "to", "can" or "should" are as often part of a question. */
const harmlessLater = new Set(
  "use give call make free boot power put place order issue store test message tag git order start run connect set".split(
    " ",
  ),
);

function strip(text: string): string {
  let rest = text;
  for (let i = 0; i < 12; i++) {
    const shorter = rest.replace(/^[^\p{L}\p{N}./~*]+/u, "").replace(politeness, "");
    if (shorter === rest) break;
    rest = shorter;
  }
  return rest;
}
