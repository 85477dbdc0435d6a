/** Generates lines of shell in which quotes, substitutions, here-documents and compound commands are nested in each other. */
import fc from "fast-check";

const single = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const inBackquotes = (text: string) => `\`${text.replaceAll(/[`\\$]/g, "\\$&")}\``;

export function lineOf(depth: number): fc.Arbitrary<string> {
  const separator = fc.constantFrom("; ", " && ", " || ", " | ", "\n", " & ");
  return fc
    .tuple(commandOf(depth), fc.array(fc.tuple(separator, commandOf(depth)), { maxLength: 2 }))
    .map(([first, rest]) => first + rest.flat().join(""));
}

function commandOf(depth: number): fc.Arbitrary<string> {
  const simple = fc
    .tuple(fc.constantFrom(...starts), fc.array(wordOf(depth), { maxLength: 2 }), fc.constantFrom("", "", "", ...ends))
    .map(([start, words, end]) => [start, ...words].join(" ") + end);
  if (depth <= 0) return simple;
  const line = fc.memo((n) => lineOf(n - 1))(depth);
  const word = wordOf(depth);
  return fc.oneof(
    { weight: 6, arbitrary: simple },
    line.map((list) => `{ ${list}\n}`),
    line.map((list) => `(${list})`),
    fc.tuple(line, line).map(([test, list]) => `if ${test}\nthen ${list}\nfi`),
    fc.tuple(word, line).map(([each, list]) => `for v in ${each} 1; do ${list}\ndone`),
    fc
      .tuple(word, fc.constantFrom("a)", "(a)", "a|b)", "*)", "'a')", "$(z))"), line)
      .map(([of, pattern, list]) => `case ${of} in ${pattern} ${list}\n;; esac`),
    fc.tuple(word, fc.constantFrom("==", "=~", "!="), word).map((test) => `[[ ${test.join(" ")} ]]`),
    // Named by its depth: one that called itself, with a fork at each turn, would never end.
    line.map((list) => `f${depth}() { ${list}\n}; f${depth}`),
    fc
      .tuple(word, line, fc.constantFrom("", " | b", " && b"))
      .map(([text, list, more]) => `a <<E${more}\n${text}\n$(${list})\nE\n`),
    word.map((text) => `a <<'E'\n${text}\n$(b)\nE\n`),
    word.map((text) => `a <<-E\n\t${text}\n\tE\n`),
    line.map((list) => `eval ${single(list)}`),
    fc.tuple(word, word).map((words) => `eval ${words.join(" ")}`),
  );
}

const starts =
  'a|b|cmd|r""m|\\q|command|builtin|x=1 a|x= b|time a|! a|env a|exec a|nohup a|command -p a|xargs a|trap'.split("|");
const ends = [" 2>&1", " <<<h", " </dev/null", " >/dev/null", " # c", " &", " <<<$(h)"];

function wordOf(depth: number): fc.Arbitrary<string> {
  const plain = fc.constantFrom(
    ...[
      "a",
      "-x",
      "x=1",
      "a.b",
      "'a b'",
      "'$(b)'",
      "'\\'",
      "'#'",
      "';'",
      "'`a`'",
      "'\"'",
      "'}'",
      "')'",
      '"\\""',
      '"$x"',
    ],
    ...['"\\$(b)"', '"\'"', '"a\\\nb"', '" ; "', '"\\\\"', "\\ ", "\\;", "\\\n", "$'a\\'b'", "$'\\n'", "$x", "${x:-z}"],
    ...[
      "*",
      "{a,b}",
      "{",
      "}",
      "~",
      "#c",
      "a#b",
      "]]",
      "!",
      "$'\\x41'",
      '$"l"',
      "[",
      "$",
      "${#x}",
      "$((1+2))",
      "$((x))",
    ],
  );
  if (depth <= 0) return plain;
  const line = fc.memo((n) => lineOf(n - 1))(depth);
  const nested = fc.oneof(
    line.map((list) => `$(${list})`),
    line.map((list) => `"q$(${list})"`),
    line.map(inBackquotes),
    line.map((list) => `\${x:-$(${list})}`),
    line.map((list) => `\${x:-"$(${list})" '}'}`),
    line.map((list) => `<(${list})`),
    line.map((list) => `$( (${list}) )`),
    line.map((list) => `$((${list}) )`),
  );
  const part = fc.oneof({ weight: 3, arbitrary: plain }, { weight: 1, arbitrary: nested });
  return fc
    .tuple(part, fc.oneof({ weight: 3, arbitrary: fc.constant("") }, { weight: 1, arbitrary: part }))
    .map((parts) => parts.join(""));
}
