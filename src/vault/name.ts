/** The grammars of what a vault stores beside a value: the secret's name and the destinations it may be sent to. */
import { Fault } from "../core/fault.ts";

const nameGrammar = /^[a-z0-9][a-z0-9_./-]{0,127}$/;
const hostGrammar = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
const commandGrammar = /^[^\p{Cc}\s](?:[^\p{Cc}]{0,510}[^\p{Cc}\s])?$/u;

/** A secret's name: 1 to 128 of a-z, 0-9 and `. _ / -`, without `..` or `//`. Throws `invalid_argument` otherwise. */
export function checkSecretName(name: string): string {
  if (nameGrammar.test(name) && !name.includes("..") && !name.includes("//")) return name;
  throw new Fault("invalid_argument", `${JSON.stringify(name.slice(0, 200))} is not a secret's name`, {
    hint: "use 1 to 128 of a-z, 0-9, '.', '_', '/' and '-', beginning with a letter or digit, without '..' or '//'",
  });
}

/** Whether Reeve itself owns the name; such secrets are never listed, exported, imported or referenced. */
export function isInternal(name: string): boolean {
  return name.startsWith("reeve/");
}

/** A secret as its owner gave it. */
export interface SecretContent {
  readonly value: Uint8Array;
  /** Destinations the value may be sent to by reference: `host:NAME`, `command:NAME`. */
  readonly allow: readonly string[];
}

const maxValueBytes = 65_536;

/** A secret's value: 1 byte to 64 KiB. Throws `invalid_argument` otherwise. */
export function checkSecretValue(name: string, value: Uint8Array): Uint8Array {
  if (value.length >= 1 && value.length <= maxValueBytes) return value;
  throw new Fault("invalid_argument", `the value of secret "${name}" has ${value.length} bytes`, {
    hint: `a value has 1 to ${maxValueBytes} bytes`,
  });
}

/** Where a value is about to go: a host as it will be connected to, or the whole command as it will be executed. */
export interface Destination {
  readonly kind: "host" | "command";
  readonly name: string;
}

/** The bindings of a secret, checked, without repetitions, sorted. Throws `invalid_argument` naming a malformed one. */
export function checkBindings(bindings: readonly string[]): readonly string[] {
  for (const binding of bindings) {
    const [, kind, name = ""] = /^(host|command):(.*)$/s.exec(binding) ?? [];
    if (kind === "host" ? hostGrammar.test(name) : kind === "command" && commandGrammar.test(name)) continue;
    throw new Fault("invalid_argument", `${JSON.stringify(binding.slice(0, 200))} is not a binding`, {
      hint: "write host:api.example.org or command:git push, one exact lowercase host or one exact command each",
    });
  }
  return [...new Set(bindings)].sort();
}

/** The one binding that admits a destination, or undefined when the destination has no canonical name to compare. */
export function bindingOf(destination: Destination): string | undefined {
  if (destination.kind === "command") {
    return commandGrammar.test(destination.name) ? `command:${destination.name}` : undefined;
  }
  const host = destination.name.toLowerCase().replace(/\.$/, "");
  return hostGrammar.test(host) ? `host:${host}` : undefined;
}
