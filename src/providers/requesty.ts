/** Requesty: models of many makers behind one key. */
import { defineProvider } from "../define/provider.ts";
import { chat } from "./wire/chat.ts";
import { modelsOver, streamOver } from "./wire/stream.ts";

const overChat = chat({ limit: "max_tokens", effort: "reasoning_effort", extra: {} });

export const requesty = defineProvider({
  name: "requesty",
  summary: "Many models behind one key, by Requesty.",
  reach: {
    base_url: "https://router.requesty.ai/v1",
    key: "required",
    key_env: ["REQUESTY_API_KEY"],
    default_model: null,
    tool_calls: "native",
    free: false,
  },
  stream: (request, ctx) => streamOver("requesty", overChat, request, ctx),
  models: (ctx) => modelsOver("requesty", ctx),
});
