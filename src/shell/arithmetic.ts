/**
 * Arithmetic of the shell. A variable in it is evaluated once more, so a text such as `a[$(id)]` in a variable is a command:
 * only variables that the line itself gave numbers are known.
 */
import type { ArithmeticExpression, ParsedScript } from "unbash";
import { type Manner, type Reading, shown } from "./reading.ts";

type ReadScript = (script: ParsedScript | undefined, manner: Manner) => void;

const number = /^(?:\d+|0[xX][\da-fA-F]+|\d+#\w+)$/;

export function readArithmetic(expression: ArithmeticExpression, manner: Manner, script: ReadScript): void {
  const read = (each: ArithmeticExpression) => readArithmetic(each, manner, script);
  const { reading } = manner;
  switch (expression.type) {
    case "ArithmeticBinary":
      read(expression.left);
      read(expression.right);
      // The right side is a number once it is evaluated; so is what it is stored in.
      if (/^[^=!<>]*=$|^(?:<<|>>)=$/.test(expression.operator)) store(expression.left, reading);
      return;
    case "ArithmeticUnary":
      read(expression.operand);
      return;
    case "ArithmeticTernary":
      for (const each of [expression.test, expression.consequent, expression.alternate]) read(each);
      return;
    case "ArithmeticGroup":
      read(expression.expression);
      return;
    case "ArithmeticWord":
      for (const part of expression.parts ?? []) if (part.type === "CommandExpansion") script(part.script, manner);
      readIndex(expression.value, reading);
      return;
    case "ArithmeticCommandExpansion":
      script(expression.script, manner);
      reading.unknown(`the output of ${shown(expression.text)} is evaluated`);
      return;
    default:
      reading.unknown("its arithmetic was not read");
  }
}

/** A text that the shell evaluates as arithmetic: a number, or one variable. Anything else stays unknown. */
export function readIndex(text: string, reading: Reading): void {
  const word = text.trim().replace(/^"(.*)"$/, "$1");
  if (word === "" || number.test(word) || /^-?\d+$/.test(word) || /^(?:[@*]|\$[#?$!])$/.test(word)) return;
  const [, name] = /^\$?\{?([A-Za-z_]\w*)\}?$/.exec(word) ?? [];
  if (name === undefined) reading.unknown(`${shown(text)} is evaluated as arithmetic`);
  else reading.counted.add(name);
}

function store(left: ArithmeticExpression, reading: Reading): void {
  if (left.type === "ArithmeticWord" && /^[A-Za-z_]\w*$/.test(left.value)) reading.numbers.add(left.value);
}

/** Once the whole line is read: arithmetic on a variable that may hold text may run that text. */
export function settleArithmetic(reading: Reading): void {
  const numeric = new Set([
    ...reading.numbers,
    "RANDOM",
    "SECONDS",
    "LINENO",
    "BASHPID",
    "UID",
    "EUID",
    "PPID",
    "OPTIND",
  ]);
  for (const name of reading.counted) {
    if (!numeric.has(name) || reading.texts.has(name)) {
      reading.unknown(`arithmetic on ${name} may run a command that its value holds`);
    }
  }
}
