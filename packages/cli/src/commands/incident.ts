import type { AffectedTenant, Incident, Matter } from '@headgate/contract';
import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { instant, printable, table, withShortDigests } from '../output.ts';
import { everything } from '../paging.ts';
import { standbyBlock } from '../standbys/standby-lines.ts';
import { vaultBlock } from '../vaults/vault-lines.ts';
import { endOf, scopeText } from './freeze.ts';

interface Options {
  readonly hours: string;
  readonly environment?: string;
  readonly tenants?: true;
  readonly held?: true;
}

/** What is on fire: which tenants, which transactions, what changed, what can be done, whom to call. */
export const incident: Install = (program, act) => {
  program
    .command('incident')
    .description('what is open or went wrong: which tenants, which transactions, what can be done, whom to call')
    .option('--hours <n>', 'how far back what has ended is told', '6')
    .option('--environment <name>', 'of this environment alone')
    .option('--tenants', 'list all tenants that it reaches, those that are held first')
    .option('--held', 'with --tenants: only those that are held')
    .action(
      act(async ({ client, out }, options: Options) => {
        if (!/^\d{1,3}$/.test(options.hours)) throw new Failure(EXIT.usage, 'usage', '--hours: expected 1 to 168');
        const asked = {
          hours: Number(options.hours),
          ...(options.environment === undefined ? {} : { environment: options.environment }),
        };
        if (options.tenants === true) {
          const held = options.held === true ? { held: 'true' as const } : {};
          const tenants = await everything((page) =>
            client.call('listIncidentTenants', { ...asked, ...held, ...page, limit: 200 }),
          );
          out.answer({ items: tenants }, tenantTable(tenants));
          return EXIT.ok;
        }
        const found = await client.call('showIncident', asked);
        out.answer(found, withShortDigests(incidentText(found)));
        return EXIT.ok;
      }),
    );
};

/** The whole screen as text, in the order in which it is needed at night. */
export function incidentText(found: Incident): string {
  const { counts, tenants, calls, underWay, changes, freezes, unknown, reconciled = [], restored = [] } = found;
  const more = counts.tenants - tenants.items.length;
  const calm = found.matters.length === 0;
  return [
    ...freezes.map((f) =>
      printable(
        `FROZEN: ${scopeText(f.scope)}, ${endOf(f)} (${f.name}, by ${f.by ?? 'somebody'} at ${instant(f.from)}): ${f.reason}`,
      ),
    ),
    printable(found.summary),
    ...(calm && calls.length === 0 ? [] : ['', 'WHOM TO CALL', ...callLines(calls)]),
    ...(calm
      ? []
      : [
          '',
          `WHICH TENANTS (${counted(counts.tenants, 'tenant')} in ${counted(counts.cells, 'cell')}, ${counts.held} held)`,
          tenantTable(tenants.items),
          ...(more > 0 ? [`(and ${more} more: headgate incident --tenants)`] : []),
          '',
          'WHAT IS THE MATTER',
          ...found.matters.flatMap(matterLines),
        ]),
    ...(underWay.length === 0
      ? []
      : [
          '',
          'UNDER WAY',
          table(
            ['PROMOTION', 'RELEASE', 'ENVIRONMENT', 'STANDS'],
            underWay.map((p) => [p.promotion, `${p.application} ${p.release.version}`, p.environment, p.words]),
          ),
        ]),
    '',
    'WHAT CHANGED',
    changes.length === 0
      ? '(no promotion ended)'
      : table(
          ['ENDED', 'PROMOTION', 'RELEASE', 'ENVIRONMENT', 'RESULT'],
          changes.map((c) => [
            instant(c.at),
            c.promotion,
            `${c.application} ${c.release.version}`,
            c.environment,
            c.result,
          ]),
        ),
    ...(reconciled.length === 0
      ? []
      : [
          '',
          'WHAT PEOPLE RECONCILED',
          ...reconciled.map((r) =>
            printable(`${instant(r.at)} ${r.environment}/${r.cell}/${r.store} by ${r.by}: ${r.words}`),
          ),
        ]),
    ...(restored.length === 0
      ? []
      : [
          '',
          'WHAT WAS BROUGHT BACK',
          ...restored.map((r) =>
            printable(`${instant(r.at)} ${r.environment}/${r.cell} by ${r.by ?? 'somebody'}: ${r.words}`),
          ),
        ]),
    ...standbyBlock(found.standbys),
    ...vaultBlock(found.vaults),
    ...(calm && unknown.length === 0
      ? []
      : [
          '',
          'WHAT IS NOT KNOWN',
          ...(unknown.length === 0 ? ['(see each matter)'] : unknown.map((line) => printable(`- ${line}`))),
        ]),
  ].join('\n');
}

function callLines(calls: Incident['calls']): readonly string[] {
  if (calls.length === 0) return ['(nobody is declared)'];
  return calls.map((call, i) => {
    const how = [call.phone, call.email, call.chat].filter((each) => each !== undefined).join(', ');
    const hours = call.hours === undefined ? '' : ` (${call.hours})`;
    return keepsLines(`${i + 1}. ${call.name}, ${call.role}: ${how}${hours}\n   ${call.because} [${call.of}]`);
  });
}

/** What a cell asks is told to everybody: whoever may not answer it has to find who may. */
const ANSWERS: ReadonlySet<string> = new Set(['agree', 'decline', 'retry']);

function matterLines({
  kind,
  application,
  environment,
  why,
  since,
  tenants,
  held,
  promotion,
  entries,
  cells,
  cellCount,
}: Matter) {
  const reach = `${counted(tenants, 'tenant')}${held > 0 ? `, ${held} HELD` : ''}`;
  const lines = [
    `* ${kind}: ${application} in ${environment} (${reach}), since ${since === null ? 'not known' : instant(since)}`,
    `  ${why}`,
  ];
  if (promotion === null)
    for (const { cell, why: of, seenAt } of cells.slice(0, 5))
      lines.push(`  cell ${cell}: ${of}; last seen ${instant(seenAt)}`);
  if (promotion === null && cellCount > 5) lines.push(`  and ${cellCount - 5} cells more`);
  if (promotion !== null) {
    const { promotion: p, steps, transactions, can, runbooks } = promotion;
    const yes = p.approvals.map((a) => `${a.by} at ${instant(a.at)}`).join(', ');
    lines.push(
      `  ${p.id}: ${p.application} ${p.release.version}, wave ${p.wave} of ${p.waves}; asked for by ${p.requester}, approved by ${yes || 'nobody'}`,
    );
    for (const step of steps) lines.push(`  at hand in ${step.cell}: ${step.step} (${step.text}): ${step.stands}`);
    const { checks, reconciled } = transactions;
    lines.push(
      `  transactions: ${checks.passed} checks passed, ${checks.failed} FAILED; ${reconciled.compared} compared${reconciled.caught === undefined ? '' : ` (${reconciled.caught})`}, ${reconciled.replayed} replayed, ${reconciled.asked} before a person`,
    );
    for (const line of transactions.lines.filter(({ sound }) => !sound))
      lines.push(
        `    ${instant(line.at)} ${line.cell} ${line.step}${line.tenant === undefined ? '' : ` ${line.tenant}`}: ${line.words}`,
      );
    for (const line of transactions.unknown) lines.push(`    not known: ${line}`);
    for (const each of can.filter(({ action, allowed }) => allowed || ANSWERS.has(action)))
      lines.push(
        `  ${each.allowed ? 'can' : 'somebody can'}: ${each.command}\n    ${each.because}${each.consequence === '' ? '' : `; ${each.consequence}`} [${each.who.join(', ')}]`,
      );
    for (const book of runbooks)
      lines.push(
        `  runbook: ${book.title} ${book.url ?? ''}`.trimEnd(),
        ...(book.text === undefined ? [] : [`    ${book.text}`]),
      );
  }
  for (const { at, stream, words, by } of entries) lines.push(`  ${instant(at)} ${words} (${stream} by ${by})`);
  return lines.map(keepsLines);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** As `printable`, of each line by itself. */
function keepsLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

function tenantTable(tenants: readonly AffectedTenant[]): string {
  const rows = tenants.map((t) => [
    `${t.cell}/${t.tenant}`,
    t.held === null ? 'not known' : t.held ? 'HELD' : 'not held',
    t.release ?? 'not known',
    t.since === null ? 'not known' : instant(t.since),
    t.ring,
    t.serviceLevel ?? '',
    instant(t.seenAt),
  ]);
  return table(['TENANT', 'STANDS', 'RELEASE', 'SINCE', 'RING', 'LEVEL', 'SEEN'], rows);
}
