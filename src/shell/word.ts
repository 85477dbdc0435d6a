/** Words of a line: what they are for certain, and the commands inside their expansions. */
import type { ParameterExpansionPart, ParsedScript, Word as Parsed, WordPart } from "unbash";
import { readArithmetic, readIndex } from "./arithmetic.ts";
import { bashOnly, type Manner, shown, type Word } from "./reading.ts";
import { steersPrograms } from "./variables.ts";

type ReadScript = (script: ParsedScript | undefined, manner: Manner) => void;

/** Reads words; `script` reads the commands of a substitution. */
export class WordReader {
  private readonly script: ReadScript;

  constructor(script: ReadScript) {
    this.script = script;
  }

  word(word: Parsed, manner: Manner): Word {
    if (!word.parts) return this.bare(word.text, word.value, manner);
    const values = word.parts.map((part, i) => this.part(part, manner, i === 0));
    const mayBrace =
      /[,]|\.\./.test(word.text) && word.parts.some(({ type, text }) => type === "Literal" && text.includes("{"));
    const literal = !mayBrace && values.every((value) => value !== undefined);
    if (literal) return { text: values.join(""), literal };
    const isWhole = word.parts.every(isQuoted) && !/[@*]/.test(word.text);
    return { text: word.text, literal, ...(isWhole ? {} : { splits: true }) };
  }

  /** Text in which quotes, patterns and tildes mean nothing, as in the body of a here-document. */
  text(parts: readonly WordPart[], manner: Manner): void {
    this.quoted(parts, manner);
  }

  private parts(parts: readonly WordPart[], manner: Manner): void {
    for (const part of parts) this.part(part, manner, false);
  }

  private bare(text: string, value: string, { reading }: Manner): Word {
    const plain = text.replaceAll(/\\./gs, "");
    if (/[`]|\$[\w{(['"@*#?$!-]/.test(plain)) reading.unknown(`${shown(text)} holds an expansion that was not read`);
    refuseOddSpace(plain, reading);
    const changes = /(?:^|[:=])~|[*?]|\{.*(?:,|\.\.)/s.test(plain);
    return changes ? { text, literal: false, splits: true } : { text: value, literal: true };
  }

  /** The value of a part, or undefined when it is known only when it runs. */
  private part(part: WordPart, manner: Manner, isFirst: boolean): string | undefined {
    const { reading } = manner;
    switch (part.type) {
      case "Literal": {
        const plain = part.text.replaceAll(/\\./gs, "");
        refuseOddSpace(plain, reading);
        const isHome = (isFirst && plain.startsWith("~")) || /[:=]~/.test(plain);
        return isHome || /[*?]/.test(plain) ? undefined : part.value;
      }
      case "SingleQuoted":
        return part.value;
      case "AnsiCQuoted":
        bashOnly(manner, "$'...'");
        // Codes are not trusted to be read as bash reads them: a NUL ends the word there.
        return /\\[^nt\\'"]/.test(part.text) ? undefined : part.value;
      case "DoubleQuoted":
        return this.quoted(part.parts, manner);
      case "LocaleString":
        bashOnly(manner, '$"..."');
        this.parts(part.parts, manner);
        return undefined;
      case "Glob":
        this.parts(part.parts ?? [], manner);
        return undefined;
      case "BraceExpansion":
        bashOnly(manner, "a brace expansion");
        this.parts(part.parts ?? [], manner);
        return undefined;
      case "SimpleExpansion":
        return undefined;
      case "ParameterExpansion":
        this.parameter(part, manner);
        return undefined;
      case "ArithmeticExpansion":
        if (part.expression) readArithmetic(part.expression, manner, this.script);
        else if (!/^\$(?:\(\(\s*\)\)|\[\s*\])$/.test(part.text)) reading.unknown(`${shown(part.text)} was not read`);
        return undefined;
      case "CommandExpansion":
        if (part.text.startsWith("`")) bashOnly(manner, "a backquote");
        this.script(part.script, manner);
        return undefined;
      case "ProcessSubstitution":
        bashOnly(manner, "a process substitution");
        this.script(part.script, manner);
        return undefined;
      default:
        reading.unknown(`${shown(part.text)} is an extended pattern`);
        return undefined;
    }
  }

  private quoted(parts: readonly WordPart[], manner: Manner): string | undefined {
    const values = parts.map((part) => (part.type === "Literal" ? part.value : this.part(part, manner, false)));
    return values.every((value) => value !== undefined) ? values.join("") : undefined;
  }

  private parameter(part: ParameterExpansionPart, manner: Manner): void {
    const { reading } = manner;
    const { operation } = part;
    if (part.prefix === "!") reading.unknown(`${shown(part.text)} takes a variable named by another`);
    if (part.index) {
      this.word(part.index, manner);
      readIndex(part.index.text, reading);
    }
    switch (operation?.type) {
      case undefined:
        return;
      case "Default":
        this.word(operation.operand, manner);
        if (operation.operator.endsWith("=")) {
          reading.texts.add(part.parameter);
          if (steersPrograms(part.parameter)) reading.unknown(`${part.parameter} decides what runs`);
        }
        return;
      case "Remove":
        this.word(operation.operand, manner);
        return;
      case "CaseModification":
        bashOnly(manner, shown(part.text));
        if (operation.operand) this.word(operation.operand, manner);
        return;
      case "Replace":
        bashOnly(manner, shown(part.text));
        this.word(operation.pattern, manner);
        this.word(operation.replacement, manner);
        return;
      case "Slice":
        bashOnly(manner, shown(part.text));
        for (const bound of [operation.offset, operation.length]) {
          if (!bound) continue;
          this.word(bound, manner);
          readIndex(bound.text, reading);
        }
        return;
      default:
        reading.unknown(`${shown(part.text)} may run what its variable holds`);
    }
  }
}

function isQuoted({ type, text }: WordPart): boolean {
  return /^(?:Single|Double|AnsiC)Quoted$/.test(type) || (type === "Literal" && !/[*?[\]{}~]/.test(text));
}

/** bash splits words at blanks and tabs only; what merely looks like a space would make an approval read as another command. */
function refuseOddSpace(plain: string, reading: Manner["reading"]): void {
  if (/[\p{Z}\p{Cf}]/u.test(plain.replaceAll(" ", ""))) reading.unknown("an invisible character is not within quotes");
}
