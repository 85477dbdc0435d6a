/** Attacks on the proxy by a program that speaks to it as it pleases, over its own sockets. */
import { area } from "./attack.ts";
import { headAttacks } from "./proxy-heads.ts";
import { nameAttacks } from "./proxy-names.ts";
import { placeAttacks } from "./proxy-places.ts";
import { tokenAttacks } from "./proxy-tokens.ts";

export const proxy = area("proxy", [...tokenAttacks, ...headAttacks, ...nameAttacks, ...placeAttacks]);
