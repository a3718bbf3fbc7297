/**
 * The example's story, as people would live it: adopt what runs, create two releases, promote the good one through
 * staging and production ring by ring, promote the bad one and see it come back. Every step goes through the API.
 */
import type { Client, Promotion } from '@headgate/contract';
import type { Digest, Plan, ReleaseRef } from '@headgate/domain';
import type { Example } from '../bring-up.ts';
import { exampleDocuments } from '../documents.ts';
import { keyOf } from './chapters.ts';
import { attachTests, createRelease } from './releases.ts';
import { Hopeless, until } from './until.ts';
import type { RunningSystem, World } from './world.ts';

/** How long one promotion may take in this example. */
export const PROMOTION_MS = 600_000;

export interface Telling<S extends RunningSystem = Example> {
  readonly world: World<S>;
  readonly say: (line: string) => void;
  /** Gets somebody who is not the author to approve; resolves once they have, or once the promotion ended. */
  readonly approve: (promotion: string) => Promise<void>;
}

export interface PromotionEnd {
  readonly id: string;
  readonly result: string;
  readonly promotion: Promotion;
  /** Rings by wave, from the plan. */
  readonly rings: readonly string[];
}

/** Declares the example's documents and takes its cells under control as they are. */
export async function adopt<S extends RunningSystem>(
  { world, say }: Pick<Telling<S>, 'world' | 'say'>,
  documents = exampleDocuments(),
): Promise<void> {
  const manager = await world.client('release-manager');
  const files = documents.map(({ file, text }) => ({ name: file.split('/').at(-1) ?? file, text }));
  const { applied } = await manager.call('applyDocuments', { body: { files, dryRun: false } });
  say(`${applied.length} documents declared: application, environments, cells, tenants, policies, calendar, checks`);
  const operator = await world.client('operator');
  for (const { cell } of world.example.cells) {
    const name = cell.cell;
    const seen = await until(`the agent's observation of cell ${name}`, 30_000, async () => {
      const shown = await operator.call('showCell', { cell: name }).catch(() => undefined);
      return shown === undefined || shown.observed === null ? undefined : shown;
    });
    if (seen.desired !== null) continue;
    const manifests = [world.example.baseline.manifest as unknown as Record<string, unknown>];
    await operator.call('adoptCell', { cell: name, body: { manifests } });
  }
}

/** Builds, signs and registers a release, with the evidence that its own tests give. */
export async function release(
  { world, say }: Pick<Telling, 'world' | 'say'>,
  version: '1.1.0' | '1.2.0',
): Promise<ReleaseRef> {
  const ref = await createRelease(world, version);
  const developer = await world.client('developer');
  // A telling that was cut short may have come so far: evidence is evidence.
  if ((await developer.call('showRelease', { digest: ref.digest })).evidence.length > 0) return ref;
  const run = await attachTests(world, developer, ref);
  say(`${version}: ${run.passed} of its own tests passed, exit code ${run.exitCode}, signed as evidence`);
  return ref;
}

/** Promotes a release to an environment and waits for the end, whichever it is. */
export async function promote<S extends RunningSystem>(
  telling: Telling<S>,
  ref: ReleaseRef,
  environment: string,
): Promise<PromotionEnd> {
  const developer = await telling.world.client('developer');
  const asked = await askFor(developer, ref, environment, keyOf(ref.digest, { environment }, 1));
  await telling.approve(asked.id);
  return endOf(developer, asked, PROMOTION_MS);
}

/** Asks for a promotion; with the same key for the same one. */
export function askFor(
  client: Client,
  ref: ReleaseRef,
  environment: string,
  idempotencyKey: string,
): Promise<Promotion> {
  return client.call('requestPromotion', { body: { release: ref.digest, environment } }, { idempotencyKey });
}

/**
 * Waits until a promotion has ended and its rollouts have let go of their cells, which the next one needs. Within `withinMs`
 * one that asks a person is hopeless; who waits for ever waits for that person, too.
 */
export async function endOf(client: Client, promotion: Promotion, withinMs: number): Promise<PromotionEnd> {
  const { id, release, environment, plan } = promotion;
  const ended = await until(
    `the end of ${release.version} → ${environment}`,
    withinMs,
    async () => {
      const shown = await client.call('showPromotion', { promotion: id });
      if (shown.phase === 'held' && Number.isFinite(withinMs)) throw new Hopeless(`it asks: ${shown.question}`);
      if (shown.phase !== 'ended') return undefined;
      const { items } = await client.call('listRollouts', { promotion: id });
      return items.every((r) => r.phase === 'settled') ? shown : undefined;
    },
    200,
  );
  return { id, result: ended.result ?? '', promotion: ended, rings: await ringsOf(client, plan) };
}

async function ringsOf(client: Client, plan: string): Promise<readonly string[]> {
  const bytes = await client.call('getBlob', { digest: plan as Digest });
  return (JSON.parse(Buffer.from(bytes).toString('utf8')) as Plan).waves.map((w) => w.ring);
}
