/**
 * From the first bad sample to safe traffic: the release that breaks some pilot tenants is promoted to production again
 * and again, and each time it stops by itself and goes back. Both ends of the measure are on the log, as the agent took
 * them at the target: the time of the verdict that a check failed, which is the bad sample, and the time at which the last
 * route was read back on the stable slot. How long before its verdict that check had looked in vain is said beside it.
 */
import type { Client } from '@headgate/contract';
import type { LogEntry } from '@headgate/documents';
import type { ReleaseRef } from '@headgate/domain';
import { detectToSafe, firstFailingLookToSafe } from '@headgate/example-psa/demo/figures.ts';
import { readLog } from '@headgate/example-psa/demo/log.ts';
import { promote, release, type Telling } from '@headgate/example-psa/demo/story.ts';
import { until } from '@headgate/example-psa/demo/until.ts';
import { median } from './arithmetic.ts';
import { type Figure, figure } from './figure.ts';
import { pathInWords } from './rollback-path.ts';
import { say } from './scratch.ts';

const ROLLBACKS = 3;
const ENDS_MS = 120_000;

export async function badSampleFigure(telling: Telling): Promise<Figure> {
  const { world } = telling;
  const good = await release(telling, '1.1.0');
  const bad = await release(telling, '1.2.0');
  await promoted(telling, good, 'staging');
  await promoted(telling, good, 'production');
  await promoted(telling, bad, 'staging');
  const developer = await world.client('developer');
  const samples: number[] = [];
  for (let n = 1; n <= ROLLBACKS; n++) {
    const body = { release: bad.digest, environment: 'production' };
    const { id } = await developer.call('requestPromotion', { body }, { idempotencyKey: `rollback ${n}` });
    await telling.approve(id);
    await rolledBack(developer, id);
    const history = await historyOf(telling, id);
    const rollouts = history.filter((e) => e.stream.startsWith('rollout/'));
    const ms = detectToSafe(rollouts) ?? Number.NaN;
    const looked = firstFailingLookToSafe(rollouts) ?? Number.NaN;
    say(`rollback ${n}: ${ms} ms (${pathInWords(history)}); ${looked} ms since the first look that failed`);
    samples.push(ms);
  }
  return figure('bad-sample-to-safe', median(samples));
}

async function promoted(telling: Telling, ref: ReleaseRef, environment: string): Promise<void> {
  const { result } = await promote(telling, ref, environment);
  if (result !== 'promoted') throw new Error(`${ref.version} → ${environment} ended ${result}`);
}

async function rolledBack(developer: Client, id: string): Promise<void> {
  await until(`promotion ${id} to come back`, ENDS_MS, async () => {
    const shown = await developer.call('showPromotion', { promotion: id });
    if (shown.phase !== 'ended') return undefined;
    if (shown.result !== 'rolled-back') throw new Error(`it ended ${shown.result}`);
    const { items } = await developer.call('listRollouts', { promotion: id });
    return items.every((r) => r.phase === 'settled') || undefined;
  });
}

/** The log's entries of one promotion and its rollouts, once the agent's tree head covers its end. */
async function historyOf({ world }: Telling, id: string): Promise<readonly LogEntry[]> {
  const auditor = await world.client('auditor');
  const files = { head: world.headFile, trust: `${world.dataDir}/agent/trust.yaml` };
  return until(`the end of ${id} under the agent's tree head`, 20_000, async () => {
    const { content } = await readLog(auditor, files);
    const own = content.filter((e) => e.stream === `promotion/${id}` || e.stream.startsWith(`rollout/${id}.`));
    return own.some((e) => e.type === 'promotion.ended') ? own : undefined;
  });
}
