/** Ollama: models on your own machine, without a key and without cost. */
import { defineProvider } from "../define/provider.ts";
import { chat } from "./wire/chat.ts";
import { modelsOver, streamOver } from "./wire/stream.ts";

const overChat = chat({ limit: "max_tokens", effort: null, extra: {} });

export const ollama = defineProvider({
  name: "ollama",
  summary: "Models on this machine or network, by Ollama.",
  reach: {
    base_url: "http://127.0.0.1:11434/v1",
    key: "none",
    key_env: [],
    default_model: null,
    tool_calls: "auto",
    free: true,
  },
  stream: (request, ctx) => streamOver("ollama", overChat, request, ctx),
  models: (ctx) => modelsOver("ollama", ctx),
});
