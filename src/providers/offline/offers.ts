/** What is known of the offered tools before any request: documents to rank, concepts to cover, words to correct to. */
import { canonicalize } from "../../core/canonical.ts";
import type { RankedDocument, ToolOffer } from "../../define/provider.ts";
import { fieldsOf, type Role } from "./fields.ts";
import { conceptsOf, vocabularyOf } from "./words.ts";

export interface Profile {
  readonly offer: ToolOffer;
  readonly roles: readonly Role[];
  /** Concepts of the name, the phrases and the choices. */
  readonly strong: ReadonlySet<string>;
  /** Those and the concepts of the summary. */
  readonly all: ReadonlySet<string>;
}

export interface KnownOffers {
  readonly offers: readonly ToolOffer[];
  readonly names: readonly string[];
  /** Only these are ever called: the offers whose effect is `read`, by name. */
  readonly readable: ReadonlyMap<string, Profile>;
  readonly readable_documents: readonly RankedDocument[];
  readonly all_documents: readonly RankedDocument[];
  readonly vocabulary: ReadonlySet<string>;
}

const known = new WeakMap<readonly ToolOffer[], KnownOffers>();

/** Worked out once for a list of offers, which the turns of one run share. */
export function knownOf(offers: readonly ToolOffer[]): KnownOffers {
  const before = known.get(offers);
  if (before) return before;
  const readable = new Map(
    offers.flatMap((offer) => (offer.effect === "read" ? [[offer.name, profileOf(offer)]] : [])),
  );
  const all_documents = offers.map(documentOf);
  const texts = offers.flatMap((offer) => [offer.name, ...offer.phrases, offer.summary, choiceText(offer)]);
  const result: KnownOffers = {
    offers,
    names: offers.map((offer) => offer.name),
    readable,
    readable_documents: all_documents.filter(({ id }) => readable.has(id)),
    all_documents,
    vocabulary: vocabularyOf(texts),
  };
  known.set(offers, result);
  return result;
}

function documentOf(offer: ToolOffer): RankedDocument {
  const shown = `${choiceText(offer)} ${canonicalize([...offer.examples])}`;
  const fields = [offer.name, offer.phrases.join(" "), offer.summary, shown];
  return { id: offer.name, fields: fields.map((text) => conceptsOf(text).join(" ")) };
}

function profileOf(offer: ToolOffer): Profile {
  const strong = new Set(conceptsOf(`${offer.name} ${offer.phrases.join(" ")} ${choiceText(offer)}`));
  const roles = fieldsOf(offer).map((field) => field.role);
  return { offer, roles, strong, all: new Set([...strong, ...conceptsOf(offer.summary)]) };
}

function choiceText(offer: ToolOffer): string {
  return fieldsOf(offer)
    .flatMap((field) => field.choices)
    .join(" ");
}
