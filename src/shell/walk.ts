/** Walks the tree of a line and gathers every command in it, whether or not it would be reached. What is not known here is unknown. */
import type {
  Assignment,
  Command as CommandNode,
  ParsedScript,
  Redirection,
  Statement,
  TestExpression,
  Word as Parsed,
} from "unbash";
import { parse } from "unbash";
import { readArithmetic, readIndex } from "./arithmetic.ts";
import { bashOnly, type Manner, shown, type Word } from "./reading.ts";
import { readCommand } from "./unwrap.ts";
import { steersPrograms } from "./variables.ts";
import { WordReader } from "./word.ts";

type Node = Statement["command"] | Extract<Statement["command"], { readonly type: "Function" | "Coproc" }>["body"];

/** Reads a line as the shell would that is given it. */
export function readLine(line: string, manner: Manner): void {
  const { reading, depth } = manner;
  reading.within(depth, () => readScript(parse(line), { ...manner, depth: depth + 1 }));
}

function readScript(script: ParsedScript | undefined, manner: Manner): void {
  if (!script) {
    manner.reading.unknown("a substitution was not read");
    return;
  }
  for (const error of script.errors ?? []) manner.reading.unknown(`it is not well-formed: ${error.message}`);
  readStatements(script.commands, manner);
}

const words = new WordReader(readScript);

function readStatements(statements: readonly Statement[], manner: Manner): void {
  for (const { command } of statements) readNode(command, manner);
}

function readNode(node: Node, manner: Manner): void {
  const { reading } = manner;
  switch (node.type) {
    case "Command":
      readSimple(node, manner);
      return;
    case "Pipeline":
      if (node.operators.includes("|&")) bashOnly(manner, "|&");
      for (const each of node.commands) readNode(each, manner);
      return;
    case "AndOr":
      for (const each of node.commands) readNode(each, manner);
      return;
    case "CompoundList":
      readStatements(node.commands, manner);
      return;
    case "Subshell":
    case "BraceGroup":
      readNode(node.body, manner);
      return;
    case "Redirected":
      readRedirections(node.redirects, manner);
      readNode(node.command, manner);
      return;
    case "If":
      for (const each of [node, ...node.elif]) {
        readNode(each.clause, manner);
        readNode(each.then, manner);
      }
      if (node.else) readNode(node.else, manner);
      return;
    case "While":
      readNode(node.clause, manner);
      readNode(node.body, manner);
      return;
    case "For":
    case "Select":
      if (node.type === "Select") bashOnly(manner, "select");
      assign(node.name.value, node.type === "For" ? (node.wordlist ?? []) : [], manner);
      for (const each of node.wordlist ?? []) words.word(each, manner);
      readNode(node.body, manner);
      return;
    case "ArithmeticFor":
      bashOnly(manner, "for ((...))");
      for (const each of [node.initialize, node.test, node.update]) if (each) readArithmetic(each, manner, readScript);
      readNode(node.body, manner);
      return;
    case "Case":
      words.word(node.word, manner);
      for (const { pattern, body } of node.items) {
        for (const each of pattern) words.word(each, manner);
        readNode(body, manner);
      }
      return;
    case "TestCommand":
      bashOnly(manner, "[[");
      readTest(node.expression, manner);
      return;
    case "ArithmeticCommand":
      bashOnly(manner, "((");
      if (node.expression) readArithmetic(node.expression, manner, readScript);
      else reading.unknown("its arithmetic was not read");
      return;
    case "Function":
      if (node.name.pos !== node.pos) bashOnly(manner, "function");
      words.word(node.name, manner);
      readNode(node.body, manner);
      return;
    case "Coproc":
      // Within a substitution bash 5.2 writes the command out with a name before it, and then runs that name.
      reading.unknown("coproc runs a command under another name");
      readNode(node.body, manner);
      return;
    default:
      reading.unknown(`${shown((node as { readonly type: string }).type)} is not a form that is known`);
  }
}

function readSimple(node: CommandNode, manner: Manner): void {
  const prefix = node.prefix.filter((each) => each.type === "Assignment");
  for (const each of prefix) readAssignment(each, manner);
  readRedirections(node.redirects, manner);
  if (!node.name) return;
  // bash takes a process substitution and what touches it for one word.
  const given = [node.name, ...node.args];
  if (given.some(({ pos }, i) => given[i - 1]?.end === pos))
    manner.reading.unknown("two words have no space between them");
  const rest = node.args.map((each) =>
    each.type === "Assignment" ? readAssignment(each, manner) : words.word(each, manner),
  );
  readCommand([words.word(node.name, manner), ...rest], manner, readLine);
}

/** The assignment as the word a command would be given. */
function readAssignment({ name, index, append, value, text }: Assignment, manner: Manner): Word {
  const { reading } = manner;
  if (steersPrograms(name)) reading.unknown(`${name} decides what runs`);
  if (index) {
    bashOnly(manner, "a subscript");
    words.word(index, manner);
    readIndex(index.text, reading);
  }
  if (append || value.type === "ArrayValue") bashOnly(manner, "+= and lists");
  if (value.type === "ArrayValue") {
    for (const each of value.elements) words.word(each, manner);
    reading.texts.add(name);
    return { text, literal: false };
  }
  const given = words.word(value, manner);
  assign(name, [value], manner);
  return given.literal && !index
    ? { text: `${name}${append ? "+" : ""}=${given.text}`, literal: true }
    : { text, literal: false };
}

/** A variable that is given whole numbers, or what arithmetic made of them, holds no text. */
function assign(name: string, values: readonly Parsed[], { reading }: Manner): void {
  const isNumber = ({ text, parts }: Parsed) =>
    /^\d+$/.test(text) || (parts?.length === 1 && parts[0]?.type === "ArithmeticExpansion");
  const kept = values.length > 0 && values.every(isNumber) ? reading.numbers : reading.texts;
  kept.add(name);
}

function readRedirections(redirections: readonly Redirection[], manner: Manner): void {
  const { reading } = manner;
  for (const each of redirections) {
    if (each.type === "HereDoc") {
      if (!each.closing) reading.unknown("a here-document has no end");
      words.text(each.body.parts ?? [], manner);
      continue;
    }
    const { operator } = each;
    if (each.descriptor?.type === "FileDescriptorVariable") bashOnly(manner, "{name} before a redirection");
    if (/^&>|<<</.test(operator)) bashOnly(manner, operator);
    if (!each.target) {
      reading.unknown("a redirection names no file");
      continue;
    }
    const target = words.word(each.target, manner);
    if (each.type === "HereString" || (/^[<>]&$/.test(operator) && /^(?:\d+-?|-)$/.test(target.text))) continue;
    if (/^\/dev\/(?:tcp|udp)\//.test(target.text)) reading.unknown("the shell itself opens a connection");
    if (operator.startsWith("<")) reading.reads.push(target);
    if (operator !== "<" && operator !== "<&") reading.writes.push(target);
  }
}

function readTest(expression: TestExpression, manner: Manner): void {
  const { reading } = manner;
  switch (expression.type) {
    case "TestUnary": {
      const operand = words.word(expression.operand, manner);
      if (/^-[vR]$/.test(expression.operator) && !/^\w+$/.test(operand.text))
        readIndex(expression.operand.text, reading);
      return;
    }
    case "TestBinary":
      for (const side of [expression.left, expression.right]) {
        words.word(side, manner);
        if (/^-(?:eq|ne|lt|le|gt|ge)$/.test(expression.operator)) readIndex(side.text, reading);
      }
      return;
    case "TestLogical":
      for (const each of expression.operands) readTest(each, manner);
      return;
    case "TestNot":
      readTest(expression.operand, manner);
      return;
    case "TestGroup":
      readTest(expression.expression, manner);
      return;
    default:
      reading.unknown("a test was not read");
  }
}
