/** `sluice completion`: shell code that completes commands and options. */
import { Argument, Command } from 'commander';
import { printLine } from '../output.js';

const HELP = `
Examples:
  sluice completion bash > /etc/bash_completion.d/sluice
  sluice completion zsh > "\${fpath[1]}/_sluice"
  sluice completion fish > ~/.config/fish/completions/sluice.fish`;

/** Words that may follow a run of commands, such as `fdb add`. */
interface Completion {
  path: string[];
  words: { word: string; description: string }[];
}

const SHELLS: Record<string, (completions: Completion[]) => string> = { bash, zsh, fish };

/** `program` is called when it runs: the completions are of all commands. */
export function completionCommand(program: () => Command): Command {
  return new Command('completion')
    .description('print shell completion')
    .addArgument(new Argument('<shell>').choices(Object.keys(SHELLS)))
    .addHelpText('after', HELP)
    .action((shell: string) => {
      printLine(SHELLS[shell]!(completionsOf(program(), [])));
    });
}

function completionsOf(command: Command, path: string[]): Completion[] {
  const children = command.commands.map(child => ({
    word: child.name(),
    description: child.description(),
  }));
  const options = command.options.map(option => ({
    word: option.long ?? option.flags,
    description: option.description,
  }));
  const help = { word: '--help', description: 'show help' };
  const own = { path, words: [...children, ...options, help] };
  return [own, ...command.commands.flatMap(child => completionsOf(child, [...path, child.name()]))];
}

function bash(completions: Completion[]): string {
  const cases = completions.map(({ path, words }) => {
    const list = words.map(({ word }) => word).join(' ');
    return `    '${path.join(' ')}') words='${list}' ;;`;
  });
  return `_sluice() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' words='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) break ;; esac
    path="\${path:+$path }$word"
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _sluice sluice`;
}

function zsh(completions: Completion[]): string {
  const cases = completions.map(({ path, words }) => {
    const list = words.map(({ word, description }) => quoted(`${word}:${description}`));
    return `    '${path.join(' ')}') list=(${list.join(' ')}) ;;`;
  });
  return `#compdef sluice
_sluice() {
  local -a list path_words
  local word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ "$word" == -* ]] && break
    path_words+=("$word")
  done
  case "\${(j: :)path_words}" in
${cases.join('\n')}
  esac
  if (( \${#list} )); then _describe 'sluice' list; else _files; fi
}
_sluice "$@"`;
}

function fish(completions: Completion[]): string {
  const lines = completions.flatMap(({ path, words }) => words.map(word => fishLine(path, word)));
  return ['complete -c sluice -f', ...lines].join('\n');
}

function fishLine(path: string[], { word, description }: Completion['words'][number]): string {
  const [first, ...rest] = path;
  const seen = rest.map(part => `; and __fish_seen_subcommand_from ${part}`).join('');
  const condition =
    first === undefined ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${first}${seen}`;
  const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`;
  return `complete -c sluice -n '${condition}' ${what} -d ${quoted(description)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
