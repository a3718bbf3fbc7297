/** The example's story, told by people who try again when the server is away, while things are killed under it. */

import type { Digest, Plan, ReleaseRef } from '@headgate/domain';
import { until } from '../../examples/psa/demo/until.ts';
import type { World } from '../../examples/psa/demo/world.ts';
import { patiently } from './patiently.ts';
import type { KillPoint } from './points.ts';
import type { KillSession } from './session.ts';

/** How long one promotion may take, with all the kills in it. Milliseconds. */
const PROMOTION_MS = 25 * 60_000;

export interface Told {
  readonly id: string;
  readonly version: string;
  readonly environment: string;
  readonly result: string;
  readonly because: string;
  readonly plan: Plan;
  /** Questions that a rollout asked, each of which we answered by having it tried again. */
  readonly asked: readonly string[];
}

/** Promotes a release under the points that `arm` chooses for its plan, and waits for the end, whichever it is. */
export async function promoteUnderKills(
  world: World,
  session: KillSession,
  ref: ReleaseRef,
  environment: string,
  key: string,
  arm: (plan: Plan) => readonly KillPoint[],
): Promise<Told> {
  const developer = await world.client('developer');
  const operator = await world.client('operator');
  const manager = await world.client('release-manager');
  const body = { release: ref.digest, environment };
  const preview = await patiently('a plan', () => developer.call('planPromotion', { body }));
  const plan = preview.plan as unknown as Plan;
  session.arm(arm(plan));
  const asked: string[] = [];
  try {
    const options = { idempotencyKey: key, timeoutMs: 10_000 };
    const { id } = await patiently('the request', () => developer.call('requestPromotion', { body }, options));
    if (plan.gates.some((gate) => gate.gate === 'approval')) await approve(world, id);
    const ended = await until(
      `the end of ${ref.version} to ${environment}`,
      PROMOTION_MS,
      async () => {
        const shown = await developer.call('showPromotion', { promotion: id }, { timeoutMs: 5_000 });
        const { items } = await developer.call('listRollouts', { promotion: id }, { timeoutMs: 5_000 });
        for (const rollout of items) {
          if (rollout.phase !== 'asking') continue;
          asked.push(`${rollout.cell}: ${rollout.question}`);
          await operator.call('answerRollout', { rollout: rollout.id, body: { answer: 'retry' } });
        }
        // One cell came back and another has the release: it stays there, and the rest is asked for again.
        if (shown.phase === 'held') await manager.call('keepPromotion', { promotion: id });
        return shown.phase === 'ended' && items.every((r) => r.phase === 'settled') ? shown : undefined;
      },
      100,
    );
    const bytes = await patiently('the plan', () => developer.call('getBlob', { digest: ended.plan as Digest }));
    return {
      id,
      version: ref.version,
      environment,
      result: ended.result ?? ended.phase,
      because: ended.because ?? '',
      plan: JSON.parse(Buffer.from(bytes).toString('utf8')) as Plan,
      asked,
    };
  } finally {
    await session.disarm();
  }
}

async function approve(world: World, promotion: string): Promise<void> {
  const approver = await world.client('approver');
  await patiently('the approval', async () => {
    const shown = await approver.call('showPromotion', { promotion });
    if (shown.phase === 'ended' || shown.approvals.length > 0) return;
    await approver.call('approvePromotion', { promotion, body: { envelope: shown.envelope } }, { timeoutMs: 10_000 });
  });
}
