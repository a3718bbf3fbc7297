import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  MOST_PROPOSAL_BYTES,
  openStoreProposal,
  signProposalApproval,
  storeProposalTooOld,
  storeProposalWords,
} from '@headgate/documents';
import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';
import { signYes, type ToApprove, withYesOptions, type YesOptions } from '../releases/sign-yes.ts';

/** A person's yes to a store going back in place, as `headgate-agent recover-store` proposes and applies it. */
export const recoverStore: Install = (program, act) => {
  const approve = program
    .command('recover-store')
    .description('a store goes back in place, as the agent’s recover-store proposes and applies it')
    .command('approve <proposal>')
    .description('sign your yes to a proposal; shows what would be lost first, and asks. No server is needed');
  withYesOptions(approve).action(
    act((session, file: string, options: YesOptions) =>
      signYes(session, options, () => proposalIn(file, resolve(session.cwd, file))),
    ),
  );
};

async function proposalIn(named: string, file: string): Promise<ToApprove> {
  const opened = openStoreProposal(await textIn(file));
  if (!opened.ok)
    throw new Failure(
      EXIT.unverified,
      opened.code,
      `${named} is no proposal to approve: ${opened.why}`,
      opened.unblock,
    );
  const { proposal, digest } = opened;
  const old = storeProposalTooOld(proposal);
  if (old !== undefined)
    throw new Failure(EXIT.unverified, old.code, `${named} is not for approval: ${old.why}`, old.unblock);
  return {
    ...{ thing: 'proposal', digest, lines: storeProposalWords(proposal, digest) },
    made: { by: proposal.by, how: 'proposed' },
    question: 'Approve that this store goes back in place?',
    unblock: 'read what would be lost, and give --yes',
    sign: (yes, key) => signProposalApproval({ proposal: digest, ...yes }, key),
    carriedOutBy: (approval) =>
      `headgate-agent recover-store apply FILE --config CONFIG --as WHO-APPLIES-IT --approval ${approval}`,
  };
}

async function textIn(file: string): Promise<string> {
  const facts = await stat(file).catch(() => undefined);
  if (facts?.isFile() !== true) throw notThere(`there is no file ${file}`);
  if (facts.size > 2 * MOST_PROPOSAL_BYTES)
    throw new Failure(EXIT.usage, 'usage', `${file} is too large for a proposal: at most ${MOST_PROPOSAL_BYTES} bytes`);
  return readFile(file, 'utf8');
}
