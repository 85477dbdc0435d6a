/** The value of an answer that is JSON. */
import type { Json } from "../core/canonical.ts";

/** The value of an answer, with or without a code fence around it; undefined when it is no JSON. */
export function answerValue(text: string): Json | undefined {
  const fenced = /^\s*```(?:json)?\s*\n([\s\S]*?)\n\s*```\s*$/.exec(text);
  try {
    return JSON.parse(fenced?.[1] ?? text) as Json;
  } catch {
    return undefined;
  }
}
