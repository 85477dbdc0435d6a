/** The GLM models of Z.AI. */
import { defineProvider } from "../define/provider.ts";
import { chat } from "./wire/chat.ts";
import { modelsOver, streamOver } from "./wire/stream.ts";

const overChat = chat({ limit: "max_tokens", effort: null, extra: {} });

export const zai = defineProvider({
  name: "zai",
  summary: "The GLM models of Z.AI.",
  reach: {
    base_url: "https://api.z.ai/api/paas/v4",
    key: "required",
    key_env: ["ZAI_API_KEY"],
    default_model: "glm-4.7",
    tool_calls: "native",
    free: false,
  },
  stream: (request, ctx) => streamOver("zai", overChat, request, ctx),
  models: (ctx) => modelsOver("zai", ctx),
});
