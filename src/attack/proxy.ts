/** Attacks on the proxy by a program that speaks to it as it pleases, over its own sockets. */
import { area } from "./attack.ts";
import { tokenAttacks } from "./proxy-tokens.ts";

export const proxy = area("proxy", [...tokenAttacks]);
