/** A tool called as the door calls it, with fakes for its handles: input checked, handler run, output checked. */
import type { Json } from "../../core/canonical.ts";
import { check } from "../../core/schema.ts";
import type { Handles } from "../../define/handles.ts";
import { agent } from "../../define/principal.ts";
import type { HandleName, Tool, ToolContext } from "../../define/tool.ts";

const callMoment = Date.parse("2026-11-20T08:00:00.500Z");

/** Any handle or method that is not among `fakes` and is reached all the same throws a TypeError. */
export async function callTool(
  tool: Tool,
  fakes: DeepPartial<Handles>,
  input: Json = {},
  now_ms: number = callMoment,
): Promise<unknown> {
  const ctx = {
    ...fakes,
    principal: agent("default"),
    run_id: "01890a5d-ac96-774b-bcce-b302099a8057",
    call_id: "01890a5d-ac96-774b-bcce-b302099a8058",
    signal: new AbortController().signal,
    now: () => now_ms,
  } as unknown as ToolContext<HandleName>;
  const output = await tool.handler(ctx, check(tool.input, input, tool.name));
  return check(tool.output, output, `${tool.name} output`);
}

type DeepPartial<T> = { readonly [K in keyof T]?: Partial<T[K]> };
