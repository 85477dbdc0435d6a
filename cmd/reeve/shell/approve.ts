/** A question of policy put to the person at the terminal: the exact call, why it is asked, and four ways to answer. */
import type { CommandContext } from "../../../src/define/command.ts";
import { questionLines, visibleReason } from "../../../src/engine/question.ts";
import type { Approver } from "../../../src/engine/scope.ts";

const shownLines = 20;
const shownLeaving = 60;

/** Undefined without a terminal: then a call that policy asks about leaves the run waiting. */
export function approver(ctx: Pick<CommandContext, "prompts" | "side">, onAsk: () => void): Approver | undefined {
  const { prompts, side } = ctx;
  if (!prompts) return undefined;
  return async (ask) => {
    onAsk();
    const { paint } = side;
    const lines = questionLines(ask);
    const shown = ask.leaving ? shownLeaving : shownLines;
    const more = lines.length - shown;
    side.write(
      [
        `${paint.caution(ask.kind === "repeat" ? "This may have happened already:" : "May the agent do this?")} ${paint.strong(ask.tool)}, approval ${ask.approval}`,
        ...lines.slice(0, shown).map((line) => `  | ${line}`),
        ...(more > 0 ? [paint.faint(`  ... ${more} more lines: reeve approvals show ${ask.approval}`)] : []),
        paint.faint(visibleReason(ask.reason)),
        "",
      ].join("\n"),
    );
    const isOnce = ask.kind === "repeat" || ask.leaving !== undefined;
    const choices = [
      { value: "once", label: ask.kind === "repeat" ? "do it again" : "allow once" },
      ...(isOnce
        ? []
        : [
            { value: "run", label: `allow ${ask.tool} for this run` },
            { value: "always", label: "always allow exactly this, as a grant" },
          ]),
      { value: "deny", label: ask.kind === "repeat" ? "leave it as it is" : "deny, and say why" },
      { value: "wait", label: "decide later" },
    ];
    const answer = await prompts.choose("Your answer", choices, "deny");
    if (answer === "wait") return undefined;
    if (answer === "once" || answer === "run" || answer === "always") return { decision: "approve", scope: answer };
    const reason = ask.kind === "repeat" ? "" : await prompts.text("Why (the agent is told)", "");
    return { decision: "deny", reason: reason.trim() === "" ? "the operator said no" : reason };
  };
}
