/**
 * `npm run bench:odoo`: what the other tenants of a shared Odoo feel while one of them is upgraded alone. The machine is
 * measured first; then customers ask for 40 % of what it serves at most, and three tenants are upgraded, each by a
 * promotion of its own. Prints one JSON line a figure, as `npm run bench` does; exit code 1 when one isn't ok.
 */
import { join } from 'node:path';
import { exit, stderr, stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { foundCompany } from '../demo/company.ts';
import { startCustomers } from '../demo/customers.ts';
import { linesByTenant, p95, type Stretch } from '../demo/journal-figures.ts';
import { promote, release } from '../demo/story.ts';
import { capacityOf, paceAt } from './capacity.ts';
import { feltByStep, stepsWithin } from './felt-by-step.ts';

/** Of what the machine serves at most. */
const LOAD = 0.4;
/** Odoo's worker processes, as who serves several customers runs it: threads of one process wait for each other. */
const WORKERS = 3;
const QUIET_MS = 30_000;
/** Customers who just came, and a slot that serves a tenant for the first time, are waited for. Milliseconds. */
const WARM_MS = 8_000;
const UPGRADED = ['birch', 'cedar', 'dogwood'] as const;

const say = (line: string): void => void stderr.write(`bench: ${line}\n`);
const company = await foundCompany(say, { productionWorkers: WORKERS });
const stop = async (code: number): Promise<never> => {
  await company.remove();
  return exit(code);
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop(130));
try {
  const { production, telling, world } = company;
  const ref = await release(telling, '19.0.2');
  const staging = await promote(telling, ref, 'staging');
  if (staging.result !== 'promoted') throw new Error(`staging ended ${staging.result}`);
  const folder = join(world.dataDir, 'bench');
  const capacity = await capacityOf(production, folder, say);
  const pace = paceAt(capacity, LOAD);
  say(`at most ${capacity.perSecond.toFixed(1)}/s; customers ask for ${(capacity.perSecond * LOAD).toFixed(1)}/s`);
  const load = await startCustomers([production], folder, pace);
  const rounds: { tenant: string; quiet: Stretch; upgrade: Stretch }[] = [];
  for (const tenant of UPGRADED) {
    await sleep(WARM_MS);
    const from = Date.now();
    await sleep(QUIET_MS);
    const quiet = { from, to: Date.now() };
    const { result, from: begun, to } = await promote(telling, ref, 'production', [tenant]);
    if (result !== 'promoted') throw new Error(`${tenant} ended ${result}`);
    rounds.push({ tenant, quiet, upgrade: { from: begun, to } });
  }
  await load.stop();
  const lines = await linesByTenant(load.journalFile);
  const reader = await world.client('auditor');
  const ratios: number[] = [];
  let failed = 0;
  for (const { tenant, quiet, upgrade } of rounds) {
    const others = [...lines].flatMap(([name, own]) => (name === tenant ? [] : own));
    const within = ({ from, to }: Stretch) => others.filter(({ at }) => at >= from && at < to);
    const ms = (stretch: Stretch) =>
      p95(within(stretch).flatMap((line) => (line.outcome === 'acknowledged' ? [line.ms] : []))) ?? Number.NaN;
    const beside = within(upgrade);
    const bad = beside.filter(({ outcome }) => outcome !== 'acknowledged');
    failed += beside.length === 0 ? Number.NaN : bad.length;
    ratios.push(ms(upgrade) / ms(quiet));
    say(
      `${tenant}: ${beside.length} requests of others, ${bad.length} failed; p95 ${ms(upgrade)} ms, before ${ms(quiet)} ms (${ratios.at(-1)?.toFixed(2)})`,
    );
    for (const line of feltByStep(others, await stepsWithin(reader, upgrade))) say(`  ${line}`);
    for (const { tenant: whose, why, action } of bad.slice(0, 5)) say(`  ${whose} ${action}: ${why ?? 'turned away'}`);
  }
  const median = ratios.sort((a, b) => a - b)[1] ?? Number.NaN;
  const figures = [
    figure('neighbours-failed', failed, 'requests', 0),
    figure('neighbours-p95', median, 'ratio, median of 3', 1.5),
    figure('served-at-most', capacity.perSecond, 'requests/s', undefined),
  ];
  for (const each of figures) stdout.write(`${JSON.stringify(each)}\n`);
  await stop(figures.every(({ ok }) => ok) ? 0 : 1);
} catch (error) {
  say(`not measured: ${(error as Error).stack}`);
  await stop(1);
}

/** Lower is better; without a target it only says. What wasn't measured is never ok. */
function figure(name: string, measured: number, unit: string, target: number | undefined) {
  const value = Number.isFinite(measured) ? Number(measured.toPrecision(4)) : null;
  const ok = value !== null && (target === undefined || measured <= target);
  return { name, value, unit, ...(target === undefined ? {} : { target, better: 'lower' }), ok };
}
