import type { Command } from 'commander';

/** A command as shells complete it: its words before it, what may follow, and its flags. */
export interface Completable {
  /** `log verify`; empty for the program itself. */
  readonly path: string;
  readonly subcommands: readonly { readonly name: string; readonly description: string }[];
  readonly flags: readonly { readonly name: string; readonly description: string; readonly takesValue: boolean }[];
}

/** Every command of a program, from commander's own tree: what is completed is what there is. */
export function completables(program: Command): readonly Completable[] {
  const inherited = flagsOf(program);
  const walk = (command: Command, path: string): readonly Completable[] => {
    const subcommands = command.commands.map((each) => ({ name: each.name(), description: each.description() }));
    const own = command === program ? [] : flagsOf(command);
    const flags = [...own, ...inherited, { name: '--help', description: 'how it is used', takesValue: false }];
    return [
      { path, subcommands, flags },
      ...command.commands.flatMap((each) => walk(each, path === '' ? each.name() : `${path} ${each.name()}`)),
    ];
  };
  return walk(program, '');
}

function flagsOf(command: Command): Completable['flags'] {
  return command.options.flatMap(({ short, long, description, required, optional }) =>
    [short, long].flatMap((name) => (name == null ? [] : [{ name, description, takesValue: required || optional }])),
  );
}
