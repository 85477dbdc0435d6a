/** Time zones as people write them: IANA names in any case, abbreviations, cities and countries of one zone. */

const places: Readonly<Record<string, string>> = {
  "Africa/Cairo": "egypt",
  "Africa/Johannesburg": "south africa|cape town|durban|pretoria",
  "Africa/Lagos": "nigeria|abuja",
  "Africa/Nairobi": "kenya",
  "America/Argentina/Buenos_Aires": "buenos aires|argentina",
  "America/Bogota": "colombia",
  "America/Chicago": "cst|cdt|central time|houston|dallas|austin|minneapolis|new orleans",
  "America/Denver": "mst|mdt|mountain time|salt lake city",
  "America/Halifax": "atlantic time",
  "America/Lima": "peru",
  "America/Los_Angeles":
    "pst|pdt|pacific time|san francisco|seattle|san diego|california|las vegas|portland|silicon valley",
  "America/New_York":
    "est|edt|eastern time|nyc|new york city|boston|washington|washington dc|philadelphia|miami|atlanta",
  "America/Sao_Paulo": "são paulo|rio|rio de janeiro|brasilia",
  "America/Toronto": "ottawa|montreal",
  "Asia/Dubai": "uae|abu dhabi",
  "Asia/Hong_Kong": "hongkong",
  "Asia/Jakarta": "wib",
  "Asia/Jerusalem": "israel|tel aviv",
  "Asia/Karachi": "pakistan|islamabad|lahore",
  "Asia/Kolkata": "ist|india|mumbai|delhi|new delhi|bangalore|bengaluru|chennai|hyderabad|calcutta",
  "Asia/Manila": "philippines",
  "Asia/Riyadh": "saudi arabia",
  "Asia/Seoul": "kst|korea|south korea",
  "Asia/Shanghai": "china|beijing|shenzhen|guangzhou|hangzhou",
  "Asia/Taipei": "taiwan",
  "Asia/Tehran": "iran",
  "Asia/Tokyo": "jst|japan|osaka|kyoto",
  "Asia/Kathmandu": "nepal",
  "Asia/Ho_Chi_Minh": "vietnam|hanoi|saigon",
  "Asia/Yangon": "myanmar",
  "Australia/Brisbane": "queensland",
  "Australia/Sydney": "aest|aedt|canberra",
  "Europe/Amsterdam": "netherlands|rotterdam|the hague",
  "Europe/Athens": "greece",
  "Europe/Berlin": "germany|munich|münchen|hamburg|frankfurt|cologne|köln|stuttgart",
  "Europe/Brussels": "belgium|antwerp",
  "Europe/Bucharest": "romania",
  "Europe/Budapest": "hungary",
  "Europe/Copenhagen": "denmark",
  "Europe/Dublin": "ireland",
  "Europe/Helsinki": "finland",
  "Europe/Istanbul": "turkey|ankara",
  "Europe/Kyiv": "ukraine|kiev",
  "Europe/Lisbon": "portugal|porto",
  "Europe/London": "bst|uk|england|britain|scotland|edinburgh|manchester",
  "Europe/Madrid": "spain|barcelona|valencia",
  "Europe/Oslo": "norway",
  "Europe/Paris": "cet|cest|france|lyon|marseille",
  "Europe/Prague": "czechia|czech republic",
  "Europe/Rome": "italy|milan|naples|turin",
  "Europe/Stockholm": "sweden|gothenburg",
  "Europe/Vienna": "austria",
  "Europe/Warsaw": "poland|krakow|gdansk",
  "Europe/Zurich": "switzerland|zürich|geneva|basel|bern",
  "Pacific/Auckland": "new zealand|wellington",
  "Pacific/Honolulu": "hawaii",
  UTC: "gmt|zulu|greenwich",
};

/** Names that are ordinary words too; only the full IANA name means the place. */
const ambiguous = new Set([
  "reading",
  "nice",
  "center",
  "easter",
  "midway",
  "wake",
  "eastern",
  "central",
  "mountain",
  "general",
  "troll",
  "universal",
]);

let named: ReadonlyMap<string, string> | undefined;

function namedPlaces(): ReadonlyMap<string, string> {
  if (named) return named;
  const found = new Map<string, string>([["utc", "UTC"]]);
  for (const zone of Intl.supportedValuesOf("timeZone")) {
    found.set(zone.toLowerCase(), zone);
    const city = (zone.split("/").at(-1) ?? "").toLowerCase().replaceAll("_", " ");
    if (zone.includes("/") && city.length > 2 && !ambiguous.has(city) && !found.has(city)) found.set(city, zone);
  }
  for (const [zone, names] of Object.entries(places)) {
    found.set(zone.toLowerCase(), zone);
    found.set((zone.split("/").at(-1) ?? "").toLowerCase().replaceAll("_", " "), zone);
    for (const name of names.split("|")) found.set(name, zone);
  }
  named = found;
  return found;
}

export interface Place {
  readonly zone: string;
  readonly start: number;
  readonly end: number;
}

/** The places a text names, in order, none overlapping; the longest name at each word wins. */
export function placesIn(text: string): readonly Place[] {
  const known = namedPlaces();
  const words = [...text.matchAll(/[\p{L}\p{N}_/+-]+/gu)];
  const found: Place[] = [];
  for (let i = 0; i < words.length;) {
    const taken = longest(words, i, known);
    if (taken) found.push(taken.place);
    i += taken?.words ?? 1;
  }
  return found;
}

function longest(
  words: readonly RegExpExecArray[],
  from: number,
  known: ReadonlyMap<string, string>,
): { readonly place: Place; readonly words: number } | undefined {
  for (let count = Math.min(4, words.length - from); count > 0; count--) {
    const span = words.slice(from, from + count);
    const name = span.map((word) => word[0].toLowerCase()).join(" ");
    const zone = known.get(name);
    const [first, last] = [span[0], span.at(-1)];
    if (zone && first && last)
      return { place: { zone, start: first.index, end: last.index + last[0].length }, words: count };
  }
  return undefined;
}
