/** Secrets by reference: `{{secret:name}}` becomes the value only on its way to a destination the secret is bound to. */
import { Fault } from "../core/fault.ts";
import { fromUtf8 } from "../core/text.ts";
import { bindingOf, checkSecretName, type Destination, type SecretContent } from "./name.ts";

const reference = /\{\{secret:([^{}]*)\}\}/g;

/** What stands for names of secrets in a text, well formed or not. */
export function referencesIn(text: string): readonly string[] {
  return [...text.matchAll(reference)].map(([, name = ""]) => name);
}

/**
 * `text` with every `{{secret:name}}` replaced, all or none; values are not searched for references again.
 * Throws `invalid_argument` for a malformed name, `not_found` for an unknown secret, `permission_denied` naming the secret
 * when it is not bound to `destination`, `failed_precondition` when its value is not UTF-8 text.
 * What it returns is plaintext: hand it to the destination and to nothing else.
 */
export function resolveReferences(
  text: string,
  destination: Destination,
  lookup: (name: string) => SecretContent | undefined,
): string {
  const binding = bindingOf(destination);
  return text.replaceAll(reference, (_, written: string) => {
    const name = checkSecretName(written);
    const secret = lookup(name);
    if (secret === undefined) {
      throw new Fault("not_found", `there is no secret named "${name}"`, { hint: "see `reeve secrets list`" });
    }
    if (binding === undefined || !secret.allow.includes(binding)) {
      throw new Fault(
        "permission_denied",
        `secret "${name}" may not be used for ${destination.kind} ${destination.name}`,
        {
          hint: "an operator can bind the secret to this destination when setting it",
        },
      );
    }
    const value = fromUtf8(secret.value);
    if (value !== undefined) return value;
    throw new Fault("failed_precondition", `secret "${name}" is not text and cannot stand in text`, {
      hint: "store it in base64 and let the destination decode it",
    });
  });
}
