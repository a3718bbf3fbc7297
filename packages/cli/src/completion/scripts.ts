import type { Completable } from './command-tree.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type ShellName = (typeof SHELLS)[number];

/** The script that a shell reads once to complete our commands. It runs nothing of ours while somebody types. */
export function completionScript(shell: ShellName, commands: readonly Completable[]): string {
  if (shell === 'fish') return fish(commands);
  const script = bash(commands);
  // zsh understands it by its own emulation, and then completes file names as it always does.
  return shell === 'bash' ? script : `#compdef headgate\nautoload -U +X bashcompinit && bashcompinit\n${script}`;
}

/** In single quotes nothing means anything to a shell but the quote itself. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function bash(commands: readonly Completable[]): string {
  const cases = commands.map(({ path, subcommands, flags }) => {
    const words = [...subcommands.map(({ name }) => name), ...flags.map(({ name }) => name)].join(' ');
    return `    ${quoted(path)}) words=${quoted(words)} ;;`;
  });
  const known = commands.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  const valued = [
    ...new Set(commands.flatMap(({ flags }) => flags.filter((each) => each.takesValue).map(({ name }) => name))),
  ];
  return `# bash completion for headgate: source <(headgate completion bash)
_headgate() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' word words='' i skip=0
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if ((skip)); then skip=0; continue; fi
    case "$word" in
      ${valued.join('|')}) skip=1; continue ;;
      -*) continue ;;
    esac
    case "\${path:+$path }$word" in
      ${known.join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  # A flag's value is a file more often than anything else.
  if ((skip)); then COMPREPLY=($(compgen -f -- "$current")); return; fi
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ \${#COMPREPLY[@]} -eq 0 && "$current" != -* ]]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -F _headgate headgate
`;
}

function fish(commands: readonly Completable[]): string {
  const lines = ['# fish completion for headgate: headgate completion fish | source'];
  for (const { path, subcommands, flags } of commands) {
    const seen = path.split(' ').filter((word) => word !== '');
    const below = subcommands.map(({ name }) => name);
    const here = [
      ...seen.map((word) => `__fish_seen_subcommand_from ${word}`),
      ...(below.length === 0 ? [] : [`not __fish_seen_subcommand_from ${below.join(' ')}`]),
    ].join('; and ');
    const when = here === '' ? '' : ` -n ${quoted(here)}`;
    for (const { name, description } of subcommands)
      lines.push(`complete -c headgate -f${when} -a ${name} -d ${quoted(description)}`);
    for (const { name, description, takesValue } of flags.filter((each) => each.name.startsWith('--')))
      lines.push(`complete -c headgate${when} -l ${name.slice(2)}${takesValue ? ' -r' : ''} -d ${quoted(description)}`);
  }
  return `${[...new Set(lines)].join('\n')}\n`;
}
