/** The closing figures of a run, each measured at its target: customers' requests in the load's own journal, versions and
 * attachments at the tenants, the log against the head that the agent holds. */
import type { Failing } from '../bring-up/example-cells.ts';
import { schemaOf } from '../build.ts';
import type { OdooJournalLine } from '../load/journal-line.ts';
import { type Met, met, type Neighbours, neighbours, p95, type Stretch } from './journal-figures.ts';
import type { LostWrites } from './lost-writes.ts';
import type { OdooPromotion } from './story.ts';
import type { TenantState } from './tenant-state.ts';

export type Snapshot = ReadonlyMap<string, TenantState>;

/** The last line of `npm run example:odoo -- --once --json`. */
export interface OdooClosingLine {
  readonly promoted: string;
  readonly rolledBack: string;
  readonly tenantsUpgraded: number;
  readonly tenantsRestored: number;
  readonly tenantsUntouched: number;
  /** By tenant, in the window in which 19.0.2 came. */
  readonly downtimeMs: Readonly<Record<string, number | null>>;
  readonly lostWrites: number;
  readonly logVerified: boolean;
}

export interface Measured {
  readonly failing: Failing;
  /** Production's, in the order in which they are upgraded. */
  readonly tenants: readonly string[];
  readonly quiet: Stretch;
  readonly promotions: readonly OdooPromotion[];
  readonly states: { readonly before: Snapshot; readonly between: Snapshot; readonly after: Snapshot };
  /** Number of the invoice that each tenant posted before 19.0.3 came, and after it had gone. */
  readonly invoices: { readonly first: ReadonlyMap<string, string>; readonly second: ReadonlyMap<string, string> };
  readonly numbersWrong: readonly string[];
  readonly lines: ReadonlyMap<string, readonly OdooJournalLine[]>;
  readonly writes: LostWrites;
  readonly log: { readonly ok: boolean; readonly entries: number; readonly why: string };
}

export interface TenantFigures {
  readonly tenant: string;
  readonly version: string;
  readonly restored: boolean;
  readonly untouched: boolean;
  readonly quiet: Met;
  readonly upgrade: Met;
  readonly second: Met;
  readonly invoices: readonly string[];
  readonly attachments: number;
}

export interface OdooClosing {
  readonly line: OdooClosingLine;
  readonly tenants: readonly TenantFigures[];
  readonly promotions: readonly OdooPromotion[];
  /** Those who were served while another tenant of their cell was away; and the 95th percentile in the quiet before. */
  readonly neighbours: Neighbours & { readonly quietP95Ms: number | null };
  readonly checkedWrites: number;
  readonly logEntries: number;
  /** What isn't as the story says, in words; empty: all is. */
  readonly findings: readonly string[];
}

/** Puts together what was measured, and says what of it isn't as it should be. */
export function closing(measured: Measured): OdooClosing {
  const { promotions, states, writes, log } = measured;
  const production = promotions.filter(({ environment }) => environment === 'production');
  const [good, bad] = [production.find((p) => p.version === '19.0.2'), production.find((p) => p.version === '19.0.3')];
  if (good === undefined || bad === undefined) throw new Error('the story wasn’t told to its end');
  const tenants = measured.tenants.map((tenant) => figuresOf(tenant, measured, good, bad));
  const upgraded = measured.tenants.filter(
    (tenant) => states.between.get(tenant)?.moduleVersion === schemaOf('19.0.2').module,
  );
  const own = measured.tenants.map((tenant) => measured.lines.get(tenant) ?? []);
  const quiet = own.flat().filter(({ at, outcome }) => {
    return outcome === 'acknowledged' && at >= measured.quiet.from && at < measured.quiet.to;
  });
  const beside = { ...neighbours(own, [good, bad]), quietP95Ms: p95(quiet.map(({ ms }) => ms)) };
  const line: OdooClosingLine = {
    promoted: good.result === 'promoted' ? good.version : '',
    rolledBack: bad.result === 'promoted' ? '' : bad.version,
    tenantsUpgraded: upgraded.length,
    tenantsRestored: tenants.filter(({ restored }) => restored).length,
    tenantsUntouched: tenants.filter(({ untouched }) => untouched).length,
    downtimeMs: Object.fromEntries(tenants.map(({ tenant, upgrade }) => [tenant, upgrade.downtimeMs])),
    lostWrites: writes.lost.length,
    logVerified: log.ok,
  };
  return {
    line,
    tenants,
    promotions,
    neighbours: beside,
    checkedWrites: writes.checked,
    logEntries: log.entries,
    findings: [
      ...expectations(line, measured, tenants, bad),
      ...(beside.failed > 0 ? [`${beside.failed} requests failed while another tenant was away`] : []),
      ...(beside.requests === 0 ? ['nobody was served while another tenant was away'] : []),
      ...writes.lost.slice(0, 20),
      ...writes.doubled.slice(0, 20),
      ...measured.numbersWrong,
    ],
  };
}

function figuresOf(tenant: string, measured: Measured, good: OdooPromotion, bad: OdooPromotion): TenantFigures {
  const { states, lines, quiet, invoices } = measured;
  const own = lines.get(tenant) ?? [];
  const [between, after] = [states.between.get(tenant)!, states.after.get(tenant)!];
  const second = met(own, bad);
  const restored = between.databaseOid !== after.databaseOid;
  const same = !restored && after.moduleVersion === between.moduleVersion && after.codeVersion === between.codeVersion;
  return {
    tenant,
    version: after.moduleVersion ?? 'unknown',
    restored,
    untouched: same && second.turnedAway === 0 && second.failed === 0,
    quiet: met(own, quiet),
    upgrade: met(own, good),
    second,
    invoices: [invoices.first.get(tenant) ?? '', invoices.second.get(tenant) ?? ''],
    attachments: Object.keys(after.attachments).length,
  };
}

function expectations(
  line: OdooClosingLine,
  { failing, tenants: names, promotions, states, writes, log }: Measured,
  tenants: readonly TenantFigures[],
  bad: OdooPromotion,
): readonly string[] {
  const failed = failing === 'first' ? 0 : 2;
  const wrong: string[] = [];
  const expect = (ok: boolean, why: string): void => {
    if (!ok) wrong.push(why);
  };
  for (const { version, environment, result } of promotions)
    if (!(version === '19.0.3' && environment === 'production'))
      expect(result === 'promoted', `${version} → ${environment} ended ${result}`);
  expect(line.rolledBack === '19.0.3', '19.0.3 wasn’t rolled back');
  expect((bad.question !== undefined) === (failing === 'third'), `a person was asked: ${bad.question ?? 'nothing'}`);
  expect(line.tenantsUpgraded === names.length, `${line.tenantsUpgraded} tenants were upgraded to 19.0.2`);
  expect(line.tenantsRestored === 1, `${line.tenantsRestored} tenants were restored`);
  expect(line.tenantsUntouched === names.length - 1 - failed, `${line.tenantsUntouched} tenants were untouched`);
  expect(line.logVerified, `the log doesn't verify: ${log.why}`);
  tenants.forEach(({ tenant, restored, version, upgrade, second, quiet, attachments, invoices }, place) => {
    const stays = place < failed ? '19.0.3' : '19.0.2';
    expect(version === schemaOf(stays).module, `${tenant} is at ${version}, the story says ${stays}`);
    expect(restored === (place === failed), `${tenant} was ${restored ? '' : 'not '}restored`);
    expect(upgrade.downtimeMs !== null, `no downtime of ${tenant} was measured`);
    expect(quiet.p95Ms !== null, `no request of ${tenant} was answered before`);
    const compared = writes.checkedOf.get(tenant) ?? 0;
    expect(compared > 0, `no acknowledged write of ${tenant} was compared with its database`);
    const [number, next] = invoices.map(numberOf);
    expect(
      number !== undefined && next === number + 1,
      `${tenant} posted the invoice ${invoices[1]} after ${invoices[0]}`,
    );
    wrong.push(...upgrade.failures, ...second.failures);
    const [before, after] = [states.before.get(tenant)!.attachments, states.after.get(tenant)!.attachments];
    expect(attachments > 0 && JSON.stringify(before) === JSON.stringify(after), `${tenant}'s attachments changed`);
  });
  return wrong;
}

/** The running number of an invoice's name; undefined: it has none. */
function numberOf(invoice: string): number | undefined {
  const digits = /(\d+)$/.exec(invoice)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
