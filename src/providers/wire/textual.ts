/**
 * Tool calls of models without a tool interface: JSON with `tool_name` and `arguments`, in a fenced block or as the whole
 * message. Prose, shell lines, XML and everything else that looks like a call is none. Time is linear in the text.
 */
import { isJsonObject, type Json } from "../../core/canonical.ts";
import { type ProviderEvent, type ToolOffer, type ToolRequest, wireName } from "../../define/provider.ts";
import { jsonOf, quoted } from "./failure.ts";
import { endsThinking } from "./thinking.ts";

const maxCalls = 6;
const maxTextLength = 4 * 1_048_576;

type Notice = Extract<ProviderEvent, { readonly type: "notice" }>;

export interface Textual {
  /** Their ids are the model's own, or count the calls of the message. */
  readonly calls: readonly ToolRequest[];
  /** Why something that looked like a call was not taken for one, or not as it stood. */
  readonly notices: readonly Notice[];
}

/** `text` is what the model said aloud: what it thought is never looked at. */
export function callsIn(text: string, offers: readonly ToolOffer[]): Textual {
  const known = new Map(offers.flatMap(({ name }) => [name, wireName({ name })].map((each) => [each, name] as const)));
  const calls: ToolRequest[] = [];
  const notices: Notice[] = [];
  const ids = new Set<string>();
  const note = (name: Notice["name"], detail: string) => notices.push({ type: "notice", name, detail: quoted(detail) });
  for (const value of candidatesIn(text, note)) {
    const call = callOf(value, known, calls.length + 1);
    if ("detail" in call) note(call.name, call.detail);
    else if (calls.length >= maxCalls) note("model.call_malformed", `more than ${maxCalls} calls in one message`);
    else {
      if (ids.has(call.id)) note("model.call_duplicate_id", `call ${calls.length + 1} (${call.tool}): ${call.id}`);
      ids.add(call.id);
      calls.push(call);
    }
  }
  return { calls, notices };
}

/** How to call tools, for a model that is not sent them another way. */
export function textualInstructions(offers: readonly ToolOffer[]): string {
  const tools = offers.map(({ name, summary, input }) => `- ${name}: ${summary} Arguments: ${JSON.stringify(input)}`);
  return [
    "To call tools, answer with nothing but fenced blocks of this form, one for each call:",
    '```json\n{"tool_name": "NAME", "arguments": {}}\n```',
    "The results come in the next message. Tools:",
    ...tools,
  ].join("\n");
}

type Note = (name: Notice["name"], detail: string) => void;

function candidatesIn(text: string, note: Note): readonly Json[] {
  if (!text.includes("tool_name")) return [];
  if (text.length > maxTextLength) {
    note("model.call_malformed", "the message is too long to be looked through for calls");
    return [];
  }
  const { spoken, thought } = blocksOf(text);
  if (thought.length > 0) note("model.call_in_thinking", "a call stood before the mark that ends thinking");
  return spoken.flatMap((block) => {
    const value = jsonOf(block) ?? jsonOf(withoutTrailingCommas(block));
    if (value === undefined) note("model.call_malformed", "a block is no JSON");
    if (value === undefined) return [];
    return Array.isArray(value) ? (value as readonly Json[]) : [value];
  });
}

const fence = /^[ \t]*(`{3,})[ \t]*([^`]*)$/;

/**
 * Blocks marked json or tool that hold the sign of a call; one without it is an example or an answer, and no defect.
 * Without any fence, the whole message when it is an object or a list. `thought` stood before a mark that ends thinking.
 */
function blocksOf(text: string): { readonly spoken: readonly string[]; readonly thought: readonly string[] } {
  let spoken: string[] = [];
  const thought: string[] = [];
  let open: { readonly ticks: string; readonly isCall: boolean; readonly lines: string[] } | undefined;
  let hasFence = false;
  const close = (): void => {
    const inner = open?.isCall ? open.lines.join("\n") : "";
    if (inner.includes("tool_name")) spoken.push(inner);
    open = undefined;
  };
  for (const line of text.split(/\r?\n/)) {
    const [, ticks = "", label = ""] = fence.exec(line) ?? [];
    if (open) {
      if (ticks.length >= open.ticks.length && label.trim() === "") close();
      else open.lines.push(line);
    } else if (ticks !== "") {
      hasFence = true;
      open = { ticks, isCall: /^(?:json|tool)\s*$/i.test(label), lines: [] };
    } else if (endsThinking(line)) {
      thought.push(...spoken);
      spoken = [];
    }
  }
  close();
  const whole = text.trim();
  if (!hasFence && /^[[{]/.test(whole) && whole.includes('"tool_name"')) spoken = [whole];
  return { spoken, thought };
}

/** Commas before a closing bracket taken out; what stands in strings stays as it is. */
function withoutTrailingCommas(text: string): string {
  let out = "";
  let from = 0;
  let isString = false;
  for (let i = 0; i < text.length; i++) {
    const each = text[i];
    if (isString) {
      if (each === "\\") i++;
      else if (each === '"') isString = false;
    } else if (each === '"') isString = true;
    else if (each === ",") {
      let next = i + 1;
      while (next < text.length && " \t\r\n".includes(text[next] ?? "x")) next++;
      if (text[next] === "}" || text[next] === "]") {
        out += text.slice(from, i);
        from = i + 1;
      }
      i = next - 1;
    }
  }
  return out + text.slice(from);
}

/** The door's own record of a result, which no model may hand in. */
const refusedName = /^tool[._]result$/i;

function callOf(
  value: Json,
  known: ReadonlyMap<string, string>,
  number: number,
): ToolRequest | Pick<Notice, "name" | "detail"> {
  const malformed = (detail: string) => ({ name: "model.call_malformed", detail }) as const;
  if (!isJsonObject(value)) return malformed("a call is no object");
  const { tool_name: name, arguments: input, id } = value;
  if (typeof name !== "string" || name === "") return malformed("a call names no tool");
  const named = JSON.stringify(name.slice(0, 64));
  if (refusedName.test(name)) return malformed(`${named} cannot be called: results are not the model's to give`);
  if (input === undefined || !isJsonObject(input)) return malformed(`the arguments of ${named} are no object`);
  const tool = known.get(name);
  if (tool === undefined) return { name: "model.call_unknown", detail: `${named} is no tool that was offered` };
  return { id: typeof id === "string" && id !== "" ? id : `text-${number}`, tool, arguments: input };
}
