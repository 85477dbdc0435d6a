/** `reeve doctor --attack`: the attacks on a scratch home, and the table of what came of each. */
import { Fault } from "../../../src/core/fault.ts";
import { didYouMean } from "../../../src/core/nearest.ts";
import type { CommandContext, Paint } from "../../../src/define/command.ts";
import type { Row, SiegeOptions } from "../../../src/attack/run.ts";
import type { Wall } from "../../../src/attack/wall.ts";
import { columns } from "./columns.ts";

export interface Besieged {
  readonly attacks: readonly Row[];
  readonly held: number;
  readonly breached: number;
  readonly inconclusive: number;
  /** What honest work comes to behind the same walls; null where only an area of attacks was asked for. */
  readonly errands: Errands | null;
  /** Walls that were left out on purpose. */
  readonly without: readonly string[];
  /** The scratch directory, when it was kept. */
  readonly kept: string | null;
}

interface Errands {
  readonly total: number;
  readonly done: number;
  /** Names of those that waited for a person, and of those that came to nothing, with why. */
  readonly asked: readonly string[];
  readonly failed: readonly string[];
  readonly smooth: boolean;
}

/** The errands, by the name an area of attacks would have. */
const benign = "benign";

interface Wish {
  readonly area?: string | undefined;
  readonly keep: boolean;
  readonly without?: readonly string[] | undefined;
}

/** Throws `invalid_argument` for flags of the one kind of examination together with the other. */
export function requireAttack(
  attack: boolean,
  given: Wish & { readonly fix: boolean; readonly online: boolean },
): void {
  if (attack && (given.fix || given.online)) {
    throw new Fault("invalid_argument", "--attack examines a scratch home, which there is nothing to fix in or ask", {
      hint: "leave out --fix and --online",
    });
  }
  if (!attack && (given.area !== undefined || given.keep || given.without !== undefined)) {
    throw new Fault("invalid_argument", "--area, --keep and --without say how to attack", { hint: "add --attack" });
  }
}

export async function attackAll(ctx: CommandContext, { area, keep, without = [] }: Wish): Promise<Besieged> {
  const [{ areas }, { besiege }, { wallNames }, { tools }] = await Promise.all([
    import("../../../src/attack/index.ts"),
    import("../../../src/attack/run.ts"),
    import("../../../src/attack/wall.ts"),
    import("../../../src/tools/index.ts"),
  ]);
  const names = [...areas.map(({ name }) => name), benign];
  if (area !== undefined) requireKnown("area", area, names);
  for (const wall of without) requireKnown("wall", wall, wallNames);
  const chosen = areas.filter(({ name }) => area === undefined || name === area);
  const { version, signal } = ctx;
  const { rows, kept } = await besiege({
    areas: chosen,
    tools,
    version,
    signal,
    keep,
    without: new Set(without as readonly Wall[]),
    onRow: teller(ctx),
  });
  const count = (outcome: Row["outcome"]): number => rows.filter((row) => row.outcome === outcome).length;
  const [held, breached, inconclusive] = [count("held"), count("breached"), count("inconclusive")];
  const errands = area === undefined || area === benign ? await runAll(ctx, tools) : null;
  return { attacks: rows, held, breached, inconclusive, errands, without, kept };
}

async function runAll({ version, signal }: CommandContext, tools: SiegeOptions["tools"]): Promise<Errands> {
  const { isSmooth, runErrands } = await import("../../../src/attack/benign/run.ts");
  const outcomes = await runErrands({ tools, version, signal });
  const named = (wanted: string) =>
    outcomes.flatMap(({ errand, outcome, seen }) => (outcome === wanted ? [`${errand}: ${seen}`] : []));
  const done = outcomes.length - named("asked").length - named("failed").length;
  const smooth = isSmooth(outcomes);
  return { total: outcomes.length, done, asked: named("asked"), failed: named("failed"), smooth };
}

/** Whether every attack was held and honest work got through. */
export function isSound({ attacks, held, errands }: Besieged): boolean {
  return held === attacks.length && (errands === null || errands.smooth);
}

/** On a terminal each area as it begins; everywhere what did not hold. */
function teller({ side, quiet, note }: CommandContext): SiegeOptions["onRow"] {
  let area = "";
  return (row, done, total) => {
    if (quiet) return;
    const [name = ""] = row.attack.split(".");
    if (side.terminal && name !== area) note(`attack ${done} of ${total}: ${name}`);
    area = name;
    if (row.outcome !== "held") note(`${row.attack}: ${row.outcome}: ${row.seen}`);
  };
}

function requireKnown(what: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  throw new Fault("invalid_argument", `there is no ${what} ${JSON.stringify(name)}`, {
    hint: didYouMean(name, known, `one of ${known.join(", ")}`),
  });
}

export function siegeText(result: Besieged, paint: Paint): string {
  const { attacks, held, breached, inconclusive, errands, without, kept } = result;
  const mark = { held: paint.good("held"), breached: paint.bad("NO"), inconclusive: paint.caution("?") };
  const rows = attacks.map((row) => [row.attack, row.wall, mark[row.outcome], String(row.duration_ms)]);
  const open = attacks.filter(({ outcome }) => outcome !== "held");
  return [
    ...(rows.length > 0 ? [columns(rows, ["ATTACK", "EXPECTED WALL", "HELD", "MS"], paint)] : []),
    ...(open.length > 0 ? ["", ...open.map((row) => `${row.attack}: ${row.title}: ${row.seen}`)] : []),
    "",
    ...without.map((wall) => `left out on purpose: ${wall}`),
    ...(kept === null ? [] : [`kept: ${kept}`]),
    ...(errands ? errandLines(errands) : []),
    ...(errands && attacks.length === 0
      ? []
      : [`${attacks.length} attacks, ${held} held, ${breached} breached, ${inconclusive} inconclusive`]),
  ].join("\n");
}

function errandLines({ total, done, asked, failed }: Errands): readonly string[] {
  const head = `${total} errands, ${done} done without a question, ${asked.length} asked about, ${failed.length} failed`;
  return [...asked.map((each) => `asked about: ${each}`), ...failed.map((each) => `failed: ${each}`), head];
}
