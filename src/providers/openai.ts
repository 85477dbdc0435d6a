/** OpenAI's models, by the responses interface unless the config asks for chat. */
import { defineProvider } from "../define/provider.ts";
import { chat } from "./wire/chat.ts";
import { responses } from "./wire/responses.ts";
import { modelsOver, streamOver } from "./wire/stream.ts";

const overChat = chat({ limit: "max_completion_tokens", effort: "reasoning_effort", extra: {} });

export const openai = defineProvider({
  name: "openai",
  summary: "OpenAI, by its responses or chat interface.",
  reach: {
    base_url: "https://api.openai.com/v1",
    key: "required",
    key_env: ["OPENAI_API_KEY"],
    default_model: null,
    tool_calls: "native",
    free: false,
  },
  stream: (request, ctx) =>
    streamOver(
      "openai",
      ctx.endpoint?.api === "chat" || request.tool_calls === "text" ? overChat : responses,
      request,
      ctx,
    ),
  models: (ctx) => modelsOver("openai", ctx),
});
