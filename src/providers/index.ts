/** The model providers of this binary, one line each. */
import type { Provider } from "../define/provider.ts";
import { anthropic } from "./anthropic.ts";
import { generic } from "./generic.ts";
import { offline } from "./offline.ts";
import { ollama } from "./ollama.ts";
import { openai } from "./openai.ts";
import { openrouter } from "./openrouter.ts";
import { requesty } from "./requesty.ts";
import { zai } from "./zai.ts";

export const providers: readonly Provider[] = [offline, openai, anthropic, openrouter, requesty, zai, ollama, generic];
