import type { Install } from '../command.ts';
import { completables } from '../completion/command-tree.ts';
import { completionScript, SHELLS, type ShellName } from '../completion/scripts.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

/** Completion of commands and flags in a shell. */
export const completion: Install = (program, act) => {
  program
    .command('completion <shell>')
    .description('the completion script of a shell: source <(headgate completion bash)')
    .action(
      act(async ({ out }, shell: string) => {
        if (!SHELLS.includes(shell as ShellName))
          throw new Failure(EXIT.usage, 'usage', `there is no completion for ${shell}`, `one of ${SHELLS.join(', ')}`);
        const script = completionScript(shell as ShellName, completables(program));
        out.answer({ shell, script }, script);
        return EXIT.ok;
      }),
    );
};
