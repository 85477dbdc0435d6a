/** The model providers of this binary, one line each. */
import type { Provider } from "../define/provider.ts";
import { offline } from "./offline.ts";

export const providers: readonly Provider[] = [offline];
