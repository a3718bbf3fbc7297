import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { MOST_PROPOSAL_BYTES, openStoreProposal, signProposalApproval, storeProposalWords } from '@headgate/documents';
import type { Install, Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';
import { instant, printable } from '../output.ts';
import { localKey } from '../releases/local-key.ts';
import { expectFree, writeSigned } from '../releases/new-file.ts';

const HOUR_MS = 3_600_000;
const MOST_HOURS = 24 * 7;

interface ApproveOptions {
  readonly key: string;
  readonly approver: string;
  readonly out: string;
  readonly hours: string;
  readonly yes?: boolean;
}

/** A person's yes to a store going back in place, as `headgate-agent recover-store` proposes and applies it. */
export const recoverStore: Install = (program, act) => {
  program
    .command('recover-store')
    .description('a store goes back in place, as the agent’s recover-store proposes and applies it')
    .command('approve <proposal>')
    .description('sign your yes to a proposal; shows what would be lost first, and asks. No server is needed')
    .requiredOption('--key <file>', 'your own key, which the agent’s trust file lists for you')
    .requiredOption('--approver <id>', 'who you are: the id that the agent’s trust file gives with that key')
    .requiredOption('--out <file>', 'where the signed approval is written; a file that is there isn’t written over')
    .option('--hours <n>', 'how long it holds', '4')
    .option('--yes', 'sign what is shown without asking')
    .action(act(approve));
};

async function approve({ out, cwd, stdin }: Session, file: string, options: ApproveOptions): Promise<number> {
  const hours = Number(options.hours);
  if (!(hours > 0 && hours <= MOST_HOURS))
    throw new Failure(EXIT.usage, 'usage', `--hours: expected a number up to ${MOST_HOURS}`);
  const opened = openStoreProposal(await textIn(resolve(cwd, file)));
  if (!opened.ok)
    throw new Failure(EXIT.unverified, opened.code, `${file} is no proposal to approve: ${opened.why}`, opened.unblock);
  const { proposal, digest } = opened;
  // Before anybody is asked: a key that can't sign, or a place that is taken, is no reason to read all of it.
  const key = localKey(resolve(cwd, options.key));
  const place = resolve(cwd, options.out);
  expectFree(place);
  for (const line of storeProposalWords(proposal, digest)) out.line(printable(line));
  if (options.yes !== true) await confirm(stdin, out.json);
  const at = Date.now();
  const notAfter = at + Math.round(hours * HOUR_MS);
  const bundle = signProposalApproval({ proposal: digest, by: options.approver, at, notAfter }, key);
  await writeSigned(place, bundle);
  const text = `approved by ${options.approver} until ${instant(notAfter)}, in ${options.out}; on the agent’s machine: headgate-agent recover-store apply FILE --config CONFIG --as WHO-APPLIES-IT --approval ${options.out}`;
  out.answer({ proposal: digest, by: options.approver, at, notAfter, out: options.out }, printable(text));
  return EXIT.ok;
}

async function textIn(file: string): Promise<string> {
  const facts = await stat(file).catch(() => undefined);
  if (facts?.isFile() !== true) throw notThere(`there is no file ${file}`);
  if (facts.size > 2 * MOST_PROPOSAL_BYTES)
    throw new Failure(EXIT.usage, 'usage', `${file} is too large for a proposal: at most ${MOST_PROPOSAL_BYTES} bytes`);
  return readFile(file, 'utf8');
}

async function confirm(stdin: Session['stdin'], json: boolean): Promise<void> {
  const refuse = (why: string) =>
    new Failure(EXIT.usage, 'not-confirmed', why, 'read what would be lost, and give --yes');
  if (json || !(stdin as NodeJS.ReadStream).isTTY) throw refuse('nobody can be asked here');
  const asked = createInterface({ input: stdin, output: process.stderr });
  try {
    const answer = await asked.question('Approve that this store goes back in place? [y/N] ');
    if (answer.trim().toLowerCase() !== 'y') throw refuse('not approved');
  } finally {
    asked.close();
  }
}
