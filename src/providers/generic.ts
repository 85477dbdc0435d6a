/** Any server with the chat interface: llama.cpp, vLLM, LM Studio and others. */
import { defineProvider } from "../define/provider.ts";
import { chat } from "./wire/chat.ts";
import { modelsOver, streamOver } from "./wire/stream.ts";

const overChat = chat({ limit: "max_tokens", effort: null, extra: {} });

export const generic = defineProvider({
  name: "generic",
  summary: "Any server that speaks the chat interface, such as llama.cpp or vLLM.",
  reach: {
    base_url: null,
    key: "optional",
    key_env: ["OPENAI_COMPAT_API_KEY"],
    default_model: null,
    tool_calls: "auto",
    free: false,
  },
  stream: (request, ctx) => streamOver("generic", overChat, request, ctx),
  models: (ctx) => modelsOver("generic", ctx),
});
