/** Turns of phrase that name a topic without its word, and the plain words they mean. */

/** The text with each known turn of phrase replaced by plain words. */
export function rephrase(text: string): string {
  return phrases.reduce((result, [pattern, words]) => result.replace(pattern, words), text);
}

const phrases: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/\bhow long (?:has|have|is|was)\b.*\b(?:up|running|on|booted|alive)\b/giu, " uptime "],
  [
    /\bwhen (?:did|was)\b(?!.*\b(?:runs?|process(?:es)?)\b).*\b(?:boot|booted|start|started|restarted|rebooted)\b/giu,
    " uptime ",
  ],
  [
    /\b(?:what|which)\b[^?]*\b(?:may|are|is)\s+(?:you|i|we|agents?|agent \S+|the agent|it|default|he|she|they)\b[^?]*\b(?:do|access|touch|allowed|permitted|read|write|use|change|see|delete|run)\b(?:\s+to\s+\w+)?/giu,
    " permissions grants ",
  ],
  [/\bwho\b[^?]*\b(?:may|can|is allowed|has access)\b[^?]*/giu, " permissions grants "],
  [/\b(?:are|is|do|does|may)\b[^?]*\b(?:allowed|permitted|permissions?)\b[^?]*/giu, " permissions grants "],
  [
    /\bname of (?:this|the|my) (?:host|machine|computer|server|box)\b|\bhost name\b|\b(?:this|the|my) (?:host|machine|computer|server|box) (?:called|named)\b/giu,
    " hostname ",
  ],
  [/\bname ?servers?\b/giu, " dns "],
  [
    /\b(?:what|who|which \w+)(?:'s|s| is| are| has)? (?:been )?(?:eating|hogging|using|consuming|taking|burning|uses|eats|hogs|consumes|takes)\b/giu,
    " process ",
  ],
  [/\bhogs?\b/giu, " process "],
  [/\bhow (?:is|are|s|was)\b(?=[^?]*\b(?:machine|computer|server|box|system|host|laptop|it|things)\b)/giu, " health "],
  [/\bhow full\b/giu, " disk "],
  [/\b(?:what|which) (?:day|year|month)\b/giu, " date "],
  [/\bapi keys?\b/giu, " secrets "],
  [/\b(?:what|which)\b[^?]*\b(?:have|did)\s+you\s+(?:done|do|been)\b[^?]*/giu, " run history "],
];
