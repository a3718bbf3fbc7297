import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type DifferenceFile,
  differenceText,
  examplesOf,
  openDifferenceFile,
  signDifferenceApproval,
  WrongDifference,
} from '@headgate/documents';
import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';
import { signYes, type ToApprove, withYesOptions, type YesOptions } from '../releases/sign-yes.ts';

/** A person's yes to one tenant of a shared store going back, as `headgate-agent recover-tenant` shows and applies it. */
export const recoverTenant: Install = (program, act) => {
  const approve = program
    .command('recover-tenant')
    .description('one tenant of a shared store goes back, as the agent’s recover-tenant compares and applies it')
    .command('approve <difference>')
    .description('sign your yes to a difference; shows what would be lost first, and asks. No server is needed');
  withYesOptions(approve).action(
    act((session, file: string, options: YesOptions) =>
      signYes(session, options, () => differenceIn(resolve(session.cwd, file))),
    ),
  );
};

/** Where only a file's first line is there. */
const NOT_WHOLE = [
  'This is the first line alone, and no row of it: its numbers are the word of who made it.',
  'Before anything is written, they are counted anew from the rows, and have to be the same.',
];

async function differenceIn(file: string): Promise<ToApprove> {
  const opened = await openedIn(file);
  const { difference, digest, whole } = opened;
  const words = differenceText(difference, digest, await examplesOf(opened.rows()));
  return {
    ...{ thing: 'difference', digest, lines: whole ? words : [...words, ...NOT_WHOLE] },
    made: { by: difference.by, how: 'made' },
    question: 'Approve that this tenant goes back?',
    unblock: 'read what would be lost, and give --yes',
    sign: (yes, key) => signDifferenceApproval({ difference: digest, ...yes }, key),
    carriedOutBy: (approval) =>
      `headgate-agent recover-tenant apply FILE --config CONFIG --as WHO-APPLIES-IT --approval ${approval}`,
  };
}

async function openedIn(file: string): Promise<DifferenceFile> {
  if (!existsSync(file)) throw notThere(`there is no file ${file}`);
  try {
    return await openDifferenceFile(file);
  } catch (error) {
    if (error instanceof WrongDifference) throw new Failure(EXIT.unverified, 'difference-malformed', error.message);
    throw error;
  }
}
