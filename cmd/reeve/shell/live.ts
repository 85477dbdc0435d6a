/** A run as a person watches it: the answer as it arrives, and a faint line for each thing done on the way. */
import type { CommandContext } from "../../../src/define/command.ts";
import type { Bits } from "../../../src/engine/bits.ts";
import type { LiveEvent } from "../../../src/engine/live.ts";
import { cut } from "../../../src/core/text.ts";

const shownInput_bytes = 100;
/** Of what the program of one call says; all of it that is kept stands in the result. */
const shownLines = 40;
const shownLine_bytes = 400;

export interface Watching {
  readonly onEvent: (event: LiveEvent) => void;
  /** Ends the line that was begun; whether any of the answer was shown. */
  end(): boolean;
}

/**
 * Streams to a terminal and says nothing into a pipe but, on stderr, what a person there would want to know. With
 * `events` every event is a line of JSON on stdout instead.
 */
export function watch(
  ctx: Pick<CommandContext, "screen" | "side" | "quiet" | "json">,
  options: { readonly events: boolean },
): Watching {
  const { screen, side } = ctx;
  if (options.events) {
    return { onEvent: (event) => screen.write(`${JSON.stringify(event)}\n`), end: () => false };
  }
  const streams = screen.terminal && !ctx.json;
  const tells = side.terminal && !ctx.quiet && !ctx.json;
  let inLine = false;
  let shown = false;
  const newLine = (): void => {
    if (inLine) screen.write("\n");
    inLine = false;
  };
  const tell = (line: string): void => {
    if (!tells) return;
    newLine();
    side.write(`${side.paint.faint(harmless(line))}\n`);
  };
  let told = 0;
  const tellOutput = (text: string): void => {
    for (const line of text.replace(/(?:\r\n|\r|\n)$/, "").split(/\r\n|\r|\n/)) {
      if (++told <= shownLines) tell(`   . ${cut(line, shownLine_bytes).text}`);
      else if (told === shownLines + 1) tell("   . and more, which the result holds as far as it is kept");
    }
  };
  return {
    onEvent: (event) => {
      switch (event.type) {
        case "delta":
          if (!streams) return;
          screen.write(harmless(event.text));
          inLine = !event.text.endsWith("\n");
          shown = true;
          return;
        case "turn.end":
          newLine();
          return;
        case "retry":
          if (shown) newLine();
          tell(`the answer broke off (${event.reason}); asking ${event.model} again${waitText(event.wait_ms)}`);
          return;
        case "tool.start":
          told = 0;
          tell(`-> ${event.tool} ${cut(JSON.stringify(event.input), shownInput_bytes).text}`);
          return;
        case "tool.output":
          tellOutput(event.text);
          return;
        case "tool.end":
          tell(event.ok ? `   done in ${durationText(event.duration_ms)}` : `   ${event.code}: ${event.message}`);
          return;
        case "taint":
          tell(`   the run now holds ${heldText(event)}`);
          return;
        case "approval":
          if (event.state !== "pending") tell(`   approval ${event.state}`);
          return;
        case "notice":
          if (event.name !== "model.retry") tell(`   ${event.name}: ${event.detail}`);
          return;
        default:
      }
    },
    end: () => {
      newLine();
      return shown;
    },
  };
}

/** Colours and the cursor are ours: nobody else's words may look like a question of Reeve's, or write over one. */
function harmless(text: string): string {
  const plain = text.replaceAll("\r\n", "\n").replaceAll("\r", "");
  return plain.replace(/(?![\n\t])\p{Cc}/gu, (found) => `\\x${found.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

function heldText(bits: Bits): string {
  return [bits.untrusted && "words of strangers", bits.private && "private data"].filter(Boolean).join(" and ");
}

function waitText(wait_ms: number): string {
  return wait_ms > 0 ? ` in ${durationText(wait_ms)}` : "";
}

function durationText(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}
