import type { RecoveryShown } from '@headgate/contract';
import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { instant, printable } from '../output.ts';

const ANSWERS = ['as-remembered', 'as-seen', 'go-back'] as const;
type Answer = (typeof ANSWERS)[number];

/** After a restore of the control plane from a backup: what is gone, which cells were not read back, and what is asked. */
export const recovery: Install = (program, act) => {
  const command = program
    .command('recovery')
    .description('after a restore of the control plane: what is gone, and the cells that were not read back')
    .action(
      act(async ({ client, out }) => {
        const shown = await client.call('showRecovery');
        out.answer(shown, printed(shown));
        return EXIT.ok;
      }),
    );
  command
    .command('answer <cell> <answer>')
    .description('say what became of a cell: as-remembered (as the restored rows have it), as-seen, or go-back')
    .requiredOption('--reason <words>', 'what you looked at; goes on the log')
    .action(
      act(async ({ client, out }, cell: string, answer: string, { reason }: { reason: string }) => {
        if (!ANSWERS.some((each) => each === answer))
          throw new Failure(EXIT.usage, 'usage', `the answer is one of ${ANSWERS.join(', ')}`);
        const after = await client.call('answerCell', { cell, body: { answer: answer as Answer, reason } });
        out.answer(after, printable(`${cell}: ${answer}. It is let go on`));
        return EXIT.ok;
      }),
    );
};

/** The command by which a person answers for a cell, with what else may be answered. */
export function answerText(cell: string, [first = '', ...others]: readonly string[]): string {
  const or = others.length === 0 ? '' : ` (or ${others.join(', ')} in the place of ${first})`;
  return `headgate recovery answer ${cell} ${first} --reason "…"${or}`;
}

function printed({ epoch, recovery, unread, truncated }: RecoveryShown): string {
  if (recovery === null) return `epoch ${epoch}: this control plane was never restored from a backup`;
  const lines = [
    `epoch ${epoch}, since ${instant(recovery.at)}: ${recovery.by}: ${recovery.because}`,
    `the gap: ${recovery.gap}`,
    ...recovery.beware.map((each) => `  - ${each}`),
    unread.length === 0
      ? 'every cell was read back, or answered for'
      : `${unread.length}${truncated ? ' and more cells' : unread.length === 1 ? ' cell' : ' cells'} in which nothing moves yet:`,
    ...unread.flatMap(({ cell, environment, promotion, why, until, held, answers }) => [
      `  ${cell} (${environment})${promotion === null ? '' : `, held by ${promotion}`}: ${why}`,
      ...(held.length === 0 ? [] : [`    nobody serves ${held.join(', ')} there`]),
      answers.length === 0
        ? `    its agent unblocks it; a person may from ${instant(until)}`
        : `    a person unblocks it: ${answerText(cell, answers)}`,
    ]),
  ];
  return lines.map(printable).join('\n');
}
