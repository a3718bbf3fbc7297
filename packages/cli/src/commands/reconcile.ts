import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Reconciliation } from '@headgate/contract';
import {
  compensationPlanWords,
  MAX_PLAN_BYTES,
  openCompensationPlan,
  signCompensationApproval,
} from '@headgate/documents';
import type { Install, Session } from '../command.ts';
import { declaredOrNot } from '../documents/document-ref.ts';
import { bundleIn } from '../evidence/bundle-in.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';
import { instant, printable, table, withShortDigests } from '../output.ts';
import { everything } from '../paging.ts';
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

/** Compensation plans: a person's yes to one, and what became of those that were carried out (`headgate-agent reconcile`). */
export const reconcile: Install = (program, act) => {
  const group = program
    .command('reconcile')
    .description('compensation plans, as headgate-agent reconcile writes them and carries them out');
  group
    .command('approve <plan>')
    .description('sign your yes to a plan; shows all of it first, and asks. No server is needed')
    .requiredOption('--key <file>', 'your own key, which the agent’s trust file lists for you')
    .requiredOption('--approver <id>', 'who you are: the id that the agent’s trust file gives with that key')
    .requiredOption('--out <file>', 'where the signed approval is written; a file that is there isn’t written over')
    .option('--hours <n>', 'how long it holds', '4')
    .option('--yes', 'sign what is shown without asking')
    .action(act(approve));
  group
    .command('list')
    .description('the last plan that was carried out in each store, and what it came to')
    .option('--cell <cell>', 'of this cell alone')
    .action(
      act(async ({ client, out }, { cell }: { readonly cell?: string }) => {
        const only = cell === undefined ? {} : { cell };
        const items = await everything(
          (page) => client.call('listReconciliations', { limit: 200, ...only, ...page }),
          undefined,
        );
        if (items.length === 0) await declaredOrNot(client, 'Cell', cell);
        out.answer({ items }, listText(items));
        return items.every(({ agrees }) => agrees) ? EXIT.ok : EXIT.refused;
      }),
    );
  group
    .command('record <statement>')
    .description('record the signed statement of a plan that was carried out, where its agent can’t')
    .action(
      act(async ({ client, out, cwd }, file: string) => {
        const bundle = await bundleIn(resolve(cwd, file));
        const recorded = await client.call('recordReconciliation', { body: { bundle } });
        out.answer(recorded, printable(`${recorded.cell}/${recorded.store}: ${recorded.words}`));
        return EXIT.ok;
      }),
    );
};

async function approve({ out, cwd, stdin }: Session, file: string, options: ApproveOptions): Promise<number> {
  const hours = Number(options.hours);
  if (!(hours > 0 && hours <= MOST_HOURS))
    throw new Failure(EXIT.usage, 'usage', `--hours: expected a number up to ${MOST_HOURS}`);
  const opened = openCompensationPlan(await planText(resolve(cwd, file)));
  if (!opened.ok)
    throw new Failure(EXIT.unverified, opened.code, `${file} is no plan to approve: ${opened.why}`, opened.unblock);
  const { plan, digest } = opened;
  // Before anybody is asked: a key that can't sign, or a place that is taken, is no reason to read all of it.
  const key = localKey(resolve(cwd, options.key));
  const place = resolve(cwd, options.out);
  expectFree(place);
  for (const line of compensationPlanWords(plan, digest)) out.line(printable(line));
  if (options.yes !== true) await confirm(stdin, out.json);
  const at = Date.now();
  const notAfter = at + Math.round(hours * HOUR_MS);
  const bundle = signCompensationApproval({ plan: digest, by: options.approver, at, notAfter }, key);
  await writeSigned(place, bundle);
  const text = `approved by ${options.approver} until ${instant(notAfter)}, in ${options.out}; on the agent’s machine: headgate-agent reconcile DOCUMENT --config CONFIG --carry-out ${file} --approval ${options.out} --as WHO-RUNS-IT`;
  out.answer({ plan: digest, by: options.approver, at, notAfter, out: options.out }, printable(text));
  return EXIT.ok;
}

async function planText(file: string): Promise<string> {
  const facts = await stat(file).catch(() => undefined);
  if (facts?.isFile() !== true) throw notThere(`there is no file ${file}`);
  if (facts.size > MAX_PLAN_BYTES)
    throw new Failure(EXIT.usage, 'usage', `${file} is too large for a plan: at most ${MAX_PLAN_BYTES} bytes are read`);
  return readFile(file, 'utf8');
}

async function confirm(stdin: Session['stdin'], json: boolean): Promise<void> {
  const refuse = (why: string) => new Failure(EXIT.usage, 'not-confirmed', why, 'read the plan, and give --yes');
  if (json || !(stdin as NodeJS.ReadStream).isTTY) throw refuse('nobody can be asked here');
  const asked = createInterface({ input: stdin, output: process.stderr });
  try {
    const answer = await asked.question('Approve that these lines are carried out? [y/N] ');
    if (answer.trim().toLowerCase() !== 'y') throw refuse('not approved');
  } finally {
    asked.close();
  }
}

function listText(items: readonly Reconciliation[]): string {
  const rows = items.map((each) => [
    `${each.environment}/${each.cell}/${each.store}`,
    each.reconciliation,
    instant(each.at),
    each.agrees ? 'agree' : 'do NOT agree',
    each.by,
    each.approvals.map(({ by }) => by).join(', ') || '-',
    each.words,
  ]);
  return withShortDigests(
    table(['STORE', 'RECONCILIATION', 'CARRIED OUT', 'SIDES', 'BY', 'APPROVED BY', 'WHAT'], rows),
  );
}
