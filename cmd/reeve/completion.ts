/** `reeve completion`: a completion script for a shell, made from the list of commands. */
import * as v from "valibot";
import {
  type Command,
  type CommandGroup,
  defineCommand,
  described,
  flagsOf,
  isGroup,
} from "../../src/define/command.ts";
import { globalFlags } from "./shell/argv.ts";

type Entry = Command | CommandGroup;

/** The list of commands holds this one, so it is handed over when the script is written, not when this file loads. */
export function completionOf(entries: () => Promise<readonly Entry[]>): Command {
  return defineCommand({
    name: "completion",
    summary: "Print a completion script for bash, zsh or fish.",
    positionals: ["shell"],
    input: v.strictObject({ shell: described(v.picklist(["bash", "zsh", "fish"]), "SHELL", "the shell") }),
    examples: [
      "reeve completion bash >~/.local/share/bash-completion/completions/reeve",
      `reeve completion zsh >"\${fpath[1]}/_reeve"`,
      "reeve completion fish >~/.config/fish/completions/reeve.fish",
    ],
    run: async (_, { shell }) => ({ shell, script: writers[shell](pathsOf(await entries())) }),
    render: (result) => result.script.trimEnd(),
  });
}

/** What may follow a path of words: `""` for the verbs, `policy` for its sub-verbs, `policy grant` for its flags. */
interface Path {
  readonly path: string;
  readonly summary: string;
  readonly next: readonly string[];
}

function pathsOf(entries: readonly Entry[]): readonly Path[] {
  const top: Path = { path: "", summary: "", next: [...entries.map((entry) => entry.name), "help"] };
  return [
    top,
    ...entries.flatMap((entry) =>
      isGroup(entry) ? [groupPath(entry), ...entry.commands.map(commandPath)] : [commandPath(entry)],
    ),
  ];
}

function groupPath(group: CommandGroup): Path {
  return {
    path: group.name,
    summary: group.summary,
    next: group.commands.map((command) => command.name.slice(group.name.length + 1)),
  };
}

function commandPath(command: Command): Path {
  const flags = flagsOf(command).filter((flag) => !flag.hidden);
  const own = flags.filter((flag) => !flag.positional).map((flag) => flag.flag);
  const choices = flags.filter((flag) => flag.positional).flatMap((flag) => flag.choices);
  return {
    path: command.name,
    summary: command.summary,
    next: [...choices, ...own, ...globalFlags.map((flag) => flag.flag)],
  };
}

const writers: Readonly<Record<"bash" | "zsh" | "fish", (paths: readonly Path[]) => string>> = { bash, zsh, fish };

/** Shared by bash and zsh: the longest known path among the words typed so far decides what is offered. */
function cases(paths: readonly Path[]): string {
  return paths.map(({ path, next }) => `    "${path}") offer="${next.join(" ")}" ;;`).join("\n");
}

function bash(paths: readonly Path[]): string {
  return `# bash completion for reeve
_reeve() {
  local word seen="" known=" ${paths.map((each) => each.path.replaceAll(" ", ":")).join(" ")} " offer=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$known" in *" \${seen:+\${seen// /:}:}$word "*) seen="\${seen:+$seen }$word" ;; esac
  done
  case "$seen" in
${cases(paths)}
  esac
  COMPREPLY=($(compgen -W "$offer" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _reeve reeve
`;
}

function zsh(paths: readonly Path[]): string {
  return `#compdef reeve
_reeve() {
  local word seen="" known=" ${paths.map((each) => each.path.replaceAll(" ", ":")).join(" ")} " offer=""
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ "$known" == *" \${seen:+\${seen// /:}:}$word "* ]]; then seen="\${seen:+$seen }$word"; fi
  done
  case "$seen" in
${cases(paths)}
  esac
  compadd -- \${=offer}
  _files
}
compdef _reeve reeve
`;
}

function fish(paths: readonly Path[]): string {
  const lines = paths.flatMap(({ path, next }) => {
    const words = path === "" ? [] : path.split(" ");
    const condition = words.length
      ? words.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ")
      : "__fish_use_subcommand";
    return next.map((word) => {
      const summary = paths.find((each) => each.path === [path, word].filter(Boolean).join(" "))?.summary ?? "";
      const offer = word.startsWith("--") ? `-l ${word.slice(2)}` : `-a ${word}`;
      return `complete -c reeve -n '${condition}' ${offer}${summary ? ` -d '${summary.replaceAll("'", "\\'")}'` : ""}`;
    });
  });
  return `# fish completion for reeve\n${lines.join("\n")}\n`;
}
