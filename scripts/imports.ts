/** What a TypeScript source names of other modules: static, type-only, re-exported, required and dynamic, comments and strings set aside. */

export interface ImportFound {
  /** The specifier as written, or undefined when it is computed and so cannot be judged. */
  readonly specifier: string | undefined;
  readonly dynamic: boolean;
  readonly line: number;
}

interface Token {
  readonly kind: "word" | "string" | "mark";
  readonly text: string;
  readonly line: number;
}

const opensRegex = /^(?:[([{,;=:?!&|+\-*%<>~^]|return|typeof|case|in|of|do|else|void|delete|throw|await|yield)$/;
const piece = {
  space: /\s+/y,
  comment: /\/\/[^\n]*|\/\*[\s\S]*?\*\//y,
  string: /"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/y,
  regex: /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y,
  word: /[\p{L}\p{N}_$]+/uy,
};

/** The tokens of a source that matter here; template literals are walked, so that code inside `${}` is seen too. */
export function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = [];
  const templates: number[] = [];
  let at = source.startsWith("#!") ? source.indexOf("\n") : 0;
  let line = 1;
  let depth = 0;

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };
  const advance = (text: string) => {
    at += text.length;
    for (const letter of text) if (letter === "\n") line += 1;
  };
  const push = (kind: Token["kind"], text: string) => {
    tokens.push({ kind, text, line });
    advance(text);
  };
  const template = () => {
    const text = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{|$)/y;
    text.lastIndex = at;
    const body = text.exec(source)?.[0] ?? "";
    push("string", body);
    if (body.endsWith("${")) templates.push(++depth);
  };

  while (at < source.length) {
    const skipped = take(piece.space) ?? take(piece.comment);
    if (skipped) {
      advance(skipped);
      continue;
    }
    const last = tokens.at(-1);
    const string = take(piece.string);
    const word = take(piece.word);
    const regex = !last || opensRegex.test(last.text) ? take(piece.regex) : undefined;
    const letter = source[at] ?? "";
    if (string) push("string", string);
    else if (regex) push("mark", regex);
    else if (word) push("word", word);
    else if (letter === "`") {
      push("mark", letter);
      template();
    } else {
      push("mark", letter);
      if (letter === "{") depth += 1;
      if (letter === "}") {
        if (templates.at(-1) === depth) {
          templates.pop();
          depth -= 1;
          template();
        } else depth -= 1;
      }
    }
  }
  return tokens;
}

/** Every module a source names, in order. */
export function importsOf(source: string): readonly ImportFound[] {
  const tokens = tokensOf(source);
  return tokens.flatMap((token, i): ImportFound[] => {
    const before = tokens[i - 1]?.text;
    const next = tokens[i + 1];
    const after = tokens[i + 2];
    if (token.kind !== "word") return [];
    if (before === ".") return requiredThrough(tokens, i);
    if (token.text === "from" && next?.kind === "string") return [found(next, false)];
    if (token.text === "import" && next?.kind === "string") return [found(next, false)];
    if ((token.text === "import" || token.text === "require") && next?.text === "(" && after) {
      const whole = tokens[i + 3]?.text;
      const literal = after.kind === "string" && (whole === ")" || whole === ",");
      return literal ? [found(after, true)] : [{ specifier: undefined, dynamic: true, line: token.line }];
    }
    return [];
  });
}

/** `import.meta.require`, `module.require`: a back door to any module. */
function requiredThrough(tokens: readonly Token[], i: number): ImportFound[] {
  const token = tokens[i];
  if (token?.text !== "require" || !/^(?:meta|module)$/.test(tokens[i - 2]?.text ?? "")) return [];
  return [{ specifier: undefined, dynamic: true, line: token.line }];
}

function found(token: Token, dynamic: boolean): ImportFound {
  return { specifier: token.text.slice(1, -1), dynamic, line: token.line };
}
