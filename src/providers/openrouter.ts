/** OpenRouter: models of many makers, which tells what each answer cost. */
import { defineProvider } from "../define/provider.ts";
import { chat } from "./wire/chat.ts";
import { modelsOver, streamOver } from "./wire/stream.ts";

const overChat = chat({ limit: "max_tokens", effort: "reasoning", extra: { usage: { include: true } } });

export const openrouter = defineProvider({
  name: "openrouter",
  summary: "Many models behind one key, by OpenRouter.",
  reach: {
    base_url: "https://openrouter.ai/api/v1",
    key: "required",
    key_env: ["OPENROUTER_API_KEY"],
    default_model: null,
    tool_calls: "native",
    free: false,
  },
  stream: (request, ctx) => streamOver("openrouter", overChat, request, ctx),
  models: (ctx) => modelsOver("openrouter", ctx),
});
