/** The words of a request as concepts: stop words dropped, synonyms and typing slips folded, the same for tools and people. */

/** A content word of a request; `weight` is 1 for a topic and less for a word that fits many topics. */
export interface Term {
  readonly concept: string;
  readonly weight: number;
}

const synonyms: Readonly<Record<string, string>> = {
  health: "healthy well okay ok condition vitals status shape sick sane overloaded",
  machine: "computer server box system host laptop node device pi",
  memory: "ram mem swap",
  cpu: "cpus processor processors core cores load",
  disk: "disks drive drives storage space partition partitions filesystem filesystems volume volumes ssd hdd df full",
  process: "processes procs proc program programs ps",
  port: "ports socket sockets",
  listen: "listening listener listeners listens",
  network: "networking networks net",
  interface: "interfaces nic nics adapter adapters ethernet wifi ip ips address addresses ifconfig mac",
  route: "routes routing gateway gateways",
  dns: "nameserver nameservers resolver resolvers",
  connection: "connections connected established",
  time: "clock hour date day today",
  timezone: "timezones zone zones tz",
  file: "files",
  folder: "folders directory directories dir dirs",
  list: "ls listing enumerate",
  read: "cat contents content",
  search:
    "find grep rg occurrences occurrence mentions mention mentioned lookup locate look defined definition contain contains containing match matches matching",
  large: "largest biggest big huge heaviest larger bigger greatest fattest longest",
  small: "smallest tiniest little",
  new: "newest latest recent recently",
  policy: "policies permission permissions permitted allowed rights right privilege privileges",
  grant: "grants granted capability capabilities",
  secret: "secrets credential credentials password passwords vault",
  config: "configuration configurations settings setting preferences configured",
  run: "runs history execution executions",
  // Its own topic: a running process is no run.
  running: "",
  metric: "metrics statistics stats",
  service: "services daemon daemons unit units",
  source: "sources code codebase",
  temperature: "temperatures temp",
};

const conceptOf: ReadonlyMap<string, string> = new Map(
  Object.entries(synonyms).flatMap(([concept, words]) =>
    [concept, ...words.split(" ").filter((word) => word !== "")].map((word) => [word, concept] as const),
  ),
);

/** Words that say how someone asks, not what for. */
const stopWords: ReadonlySet<string> = new Set(
  `a about actual actually again agent all almost also am an and any anyone anything are aren as ask at available away back be because
  been before being both but by bye came can cannot check come could couldn current currently did didn do does doesn doing don done dear
  each else enough ever every everything exactly few for from fully get getting give given go going good got great had happening happen has
  hasn have haven having hello help hence her here hers hey hi his how i if in inside into is isn it its just kindly know left let lets like
  ll lot many may maybe me might mine more morning most much must my need needs no not now of off oh on one only open or our out
  over part please pls plz possible present print quick quickly rather re reeve regarding right s say see shall she should show shown shows
  since so some somebody someone something soon still stuff such sure t take taken tell than thank thanks that the their them then there these they thing things
  this those through to too top total under up us use used uses using usage ve very want wanted wants was wasn way we were what whats
  when where whether which while who whole whom whose why will wish with within without won would wouldn you your yours
  yet display dump view see moment evening afternoon think believe could curious wonder wondering look at present
  respectively list's kind sort type name names named called detail details overview summary report output result results began begin started start ended recursive recursively everywhere beneath across please`
    .split(/\s+/)
    .filter((word) => word !== "" && word !== "look"),
);

const weights: Readonly<Record<string, number>> = {
  machine: 0.5,
  list: 0.5,
  read: 0.5,
  search: 0.5,
  new: 0.5,
  large: 0.5,
};

/** The words of a text in lower case, letters and digits only; what follows an apostrophe is a word of its own. */
export function wordsOf(text: string): readonly string[] {
  return (
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

/** The concept a word stands for, or its stem. */
export function conceptOfWord(word: string): string {
  const stem = stemOf(word);
  return conceptOf.get(word) ?? conceptOf.get(stem) ?? stem;
}

/** A text with each word replaced by its concept: what is ranked on both sides. Tool texts keep their stop words out too. */
export function conceptsOf(text: string): readonly string[] {
  return wordsOf(text).flatMap((word) => (isStopWord(word) ? [] : [conceptOfWord(word)]));
}

function isStopWord(word: string): boolean {
  return (stopWords.has(word) || word.length === 1) && !conceptOf.has(word);
}

/** The words a typing slip may be corrected to: every synonym, every stop word, and the given texts' words. */
export function vocabularyOf(texts: readonly string[]): ReadonlySet<string> {
  return new Set([...conceptOf.keys(), ...stopWords, ...texts.flatMap(wordsOf)]);
}

/** The distinct content words of a request in order; a corrected word weighs less in coverage than one typed well. */
export function termsOf(text: string, vocabulary: ReadonlySet<string>): readonly Term[] {
  const terms = new Map<string, Term>();
  for (const typed of wordsOf(text)) {
    const word = correct(typed, vocabulary);
    if (isStopWord(word)) continue;
    const concept = conceptOfWord(word);
    if (!terms.has(concept)) terms.set(concept, { concept, weight: weights[concept] ?? 1 });
  }
  return [...terms.values()];
}

/** The word itself when known; else the one known word a single slip away (two from nine letters on). */
export function correct(word: string, vocabulary: ReadonlySet<string>): string {
  if (word.length < 4 || word.length > 20 || vocabulary.has(word) || !/^[a-z]+$/.test(word)) return word;
  if (vocabulary.has(stemOf(word))) return word;
  const allowed = word.length >= 9 ? 2 : 1;
  let best: { readonly word: string; readonly slips: number } | undefined;
  for (const known of vocabulary) {
    if (known.length < 4 || Math.abs(known.length - word.length) > allowed) continue;
    const swapped = isSwap(word, known);
    // A four-letter word has too many neighbours: only two swapped letters count as a slip there.
    if (Math.min(word.length, known.length) === 4 && !swapped) continue;
    const slips = swapped ? 0.5 : slipsBetween(word, known);
    if (slips > allowed || (best && slips > best.slips)) continue;
    if (!best || slips < best.slips || known < best.word) best = { word: known, slips };
  }
  return best?.word ?? word;
}

function isSwap(a: string, b: string): boolean {
  return (
    a.length === b.length && a !== b && [...a].sort().join("") === [...b].sort().join("") && slipsBetween(a, b) === 1
  );
}

/** Edit distance with the swap of neighbours as one slip (optimal string alignment). */
function slipsBetween(a: string, b: string): number {
  let before: readonly number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const change = (previous[j - 1] ?? 0) + (same ? 0 : 1);
      const best = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, change);
      row.push(swapped ? Math.min(best, (before[j - 2] ?? 0) + 1) : best);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}

function stemOf(word: string): string {
  if (!/^[a-z]+$/.test(word)) return word;
  let stem = word;
  if (stem.length > 4 && stem.endsWith("ies")) stem = `${stem.slice(0, -3)}y`;
  else if (stem.length > 3 && stem.endsWith("s") && !/(?:ss|us|is)$/.test(stem)) stem = stem.slice(0, -1);
  if (stem.length > 6 && stem.endsWith("ing")) stem = undouble(stem.slice(0, -3));
  else if (stem.length > 5 && stem.endsWith("ed")) stem = undouble(stem.slice(0, -2));
  return stem.length > 4 && stem.endsWith("e") ? stem.slice(0, -1) : stem;
}

function undouble(stem: string): string {
  return /([b-df-hj-km-np-rt-vx-z])\1$/.test(stem) ? stem.slice(0, -1) : stem;
}
