/**
 * The story of the Odoo example: adopt what runs, promote 19.0.2 tenant by tenant, promote 19.0.3 and see the tenant that
 * it breaks come back by itself. Every step goes through the API.
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest, Plan, ReleaseRef } from '@headgate/domain';
import { renderPlan } from '@headgate/domain/plan/render';
import { attachResult, registerRelease } from '@headgate/example-psa/demo/releases.ts';
import type { Telling } from '@headgate/example-psa/demo/story.ts';
import { until } from '@headgate/example-psa/demo/until.ts';
import type { OdooExample } from '../bring-up.ts';
import { type OdooVersion, odooRelease } from '../build.ts';
import { runModuleTests } from './module-tests.ts';

/** How long one promotion may take in this example. */
const PROMOTION_MS = 1_800_000;

export interface OdooPromotion {
  readonly id: string;
  readonly version: string;
  readonly environment: string;
  readonly result: string;
  /** What was asked of a person on the way, and answered with `keep`. */
  readonly question?: string;
  /** When it was asked for, and when all of its cells were let go; milliseconds since the epoch, this machine's clock. */
  readonly from: number;
  readonly to: number;
}

/** Builds, signs and registers a release, with what Odoo said of its own tests. */
export async function release(telling: Telling<OdooExample>, version: OdooVersion): Promise<ReleaseRef> {
  const { world, say } = telling;
  const ref = await registerRelease(world, await odooRelease(version));
  const { log, ...run } = await runModuleTests(world.example, version);
  await attachResult(world, await world.client('developer'), `odoo@${version}`, ref, log, run);
  const { passed, failed } = run.tests;
  say(`${version}: Odoo ran its tests on an upgraded copy: ${passed.length} passed, ${failed.length} failed; signed`);
  return ref;
}

/**
 * Promotes a release to an environment, or to some of its tenants alone, and waits for the end. A question whether others stay is answered with
 * `keep`.
 */
export async function promote(
  telling: Telling<OdooExample>,
  ref: ReleaseRef,
  environment: string,
  tenants?: string[],
): Promise<OdooPromotion> {
  const { world, say } = telling;
  const from = Date.now();
  const developer = await world.client('developer');
  const manager = await world.client('release-manager');
  const body = { release: ref.digest, environment, ...(tenants && { tenants }) };
  const { id, plan } = await developer.call(
    'requestPromotion',
    { body },
    { idempotencyKey: `${ref.digest} ${environment} ${tenants?.join(' ') ?? ''}`.trim() },
  );
  await sayPlan(telling, plan, [ref.version, environment, ...(tenants ?? [])].join('-'));
  await telling.approve(id);
  let question: string | undefined;
  const result = await until(
    `the end of ${ref.version} → ${environment}`,
    PROMOTION_MS,
    async () => {
      const shown = await developer.call('showPromotion', { promotion: id });
      if (shown.phase === 'held' && question === undefined) {
        question = shown.question;
        say(`${ref.version} → ${environment} asks a person; the answer here is: keep`);
        await manager.call('keepPromotion', { promotion: id });
      }
      if (shown.phase !== 'ended') return undefined;
      // The rollouts let go of their cells a moment later; the next promotion needs them.
      const { items } = await developer.call('listRollouts', { promotion: id });
      return items.every((r) => r.phase === 'settled') ? (shown.result ?? '') : undefined;
    },
    200,
  );
  const { version } = ref;
  return { id, version, environment, result, ...(question === undefined ? {} : { question }), from, to: Date.now() };
}

/** Keeps the plan's text for whoever approves, and says what it says of a failure. */
async function sayPlan({ world, say }: Telling<OdooExample>, digest: string, name: string): Promise<void> {
  const developer = await world.client('developer');
  const bytes = await developer.call('getBlob', { digest: digest as Digest });
  const text = renderPlan(JSON.parse(Buffer.from(bytes).toString('utf8')) as Plan);
  const folder = join(world.dataDir, 'demo');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `plan-${name}.txt`);
  await writeFile(file, text, { mode: 0o600 });
  say(`the plan, as its approver sees it: ${file}`);
  for (const [, title, words] of text.matchAll(/^(Rollback|No return) +(\S.*(?:\n {10,}.*)*)/gm))
    say(`  ${title!.toLowerCase()}: ${words!.replace(/\s+/g, ' ')}`);
}
