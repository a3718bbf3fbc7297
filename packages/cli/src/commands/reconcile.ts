import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Reconciliation } from '@headgate/contract';
import {
  compensationPlanWords,
  MAX_PLAN_BYTES,
  openCompensationPlan,
  signCompensationApproval,
} from '@headgate/documents';
import type { Install } from '../command.ts';
import { declaredOrNot } from '../documents/document-ref.ts';
import { bundleIn } from '../evidence/bundle-in.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';
import { instant, printable, table, withShortDigests } from '../output.ts';
import { everything } from '../paging.ts';
import { signYes, type ToApprove, withYesOptions, type YesOptions } from '../releases/sign-yes.ts';

/** Compensation plans: a person's yes to one, and what became of those that were carried out (`headgate-agent reconcile`). */
export const reconcile: Install = (program, act) => {
  const group = program
    .command('reconcile')
    .description('compensation plans, as headgate-agent reconcile writes them and carries them out');
  const approve = group
    .command('approve <plan>')
    .description('sign your yes to a plan; shows all of it first, and asks. No server is needed');
  withYesOptions(approve).action(
    act((session, file: string, options: YesOptions) =>
      signYes(session, options, () => planIn(file, resolve(session.cwd, file))),
    ),
  );
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
        return items.every(({ agrees, some }) => agrees && some === undefined) ? EXIT.ok : EXIT.refused;
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

async function planIn(named: string, file: string): Promise<ToApprove> {
  const opened = openCompensationPlan(await planText(file));
  if (!opened.ok)
    throw new Failure(EXIT.unverified, opened.code, `${named} is no plan to approve: ${opened.why}`, opened.unblock);
  const { plan, digest } = opened;
  return {
    ...{ thing: 'plan', digest, lines: compensationPlanWords(plan, digest) },
    question: 'Approve that these lines are carried out?',
    unblock: 'read the plan, and give --yes',
    sign: (yes, key) => signCompensationApproval({ plan: digest, ...yes }, key),
    carriedOutBy: (approval) =>
      `headgate-agent reconcile DOCUMENT --config CONFIG --carry-out ${named} --approval ${approval} --as WHO-RUNS-IT`,
  };
}

async function planText(file: string): Promise<string> {
  const facts = await stat(file).catch(() => undefined);
  if (facts?.isFile() !== true) throw notThere(`there is no file ${file}`);
  if (facts.size > MAX_PLAN_BYTES)
    throw new Failure(EXIT.usage, 'usage', `${file} is too large for a plan: at most ${MAX_PLAN_BYTES} bytes are read`);
  return readFile(file, 'utf8');
}

function listText(items: readonly Reconciliation[]): string {
  const rows = items.map((each) => [
    `${each.environment}/${each.cell}/${each.store}`,
    each.reconciliation,
    instant(each.at),
    `${each.agrees ? 'agree' : 'do NOT agree'}${each.some === undefined ? '' : `, ${each.some.tenants} of ${each.some.of} tenants`}`,
    each.by,
    each.approvals.map(({ by }) => by).join(', ') || '-',
    each.words,
  ]);
  return withShortDigests(
    table(['STORE', 'RECONCILIATION', 'CARRIED OUT', 'SIDES', 'BY', 'APPROVED BY', 'WHAT'], rows),
  );
}
