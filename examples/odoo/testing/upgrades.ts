/** For tests only: a version's upgrade as a release's migration, and the bytes that its digests name. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Digest, MigrationRef } from '@headgate/domain';
import type { StepContext } from '@headgate/execution';
import { digestFor, stepContext } from '../../../packages/testkit/src/execution/step-context.ts';
import { ADDONS, filesBelow } from './stand.ts';

export interface Upgrade {
  readonly migration: MigrationRef;
  readonly text: string;
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
}

/** The upgrade of `headgate_ps` between two versions of the repository; `change` alters files to plant what a test needs. */
export async function upgradeOf(
  n: { readonly from: number; readonly to: number },
  versions: { readonly from: string; readonly to: string },
  addons: string,
  change: (files: Map<string, Buffer>) => void = () => {},
): Promise<Upgrade> {
  const files = new Map(await filesBelow(join(ADDONS, addons)));
  change(files);
  const blobs = new Map<Digest, Uint8Array>();
  const listed = [...files].map(([name, bytes]) => {
    const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    blobs.set(digest, bytes);
    return { name, digest };
  });
  const text = JSON.stringify({
    apiVersion: 'headgate/v1',
    kind: 'OdooUpgrade',
    modules: [{ name: 'headgate_ps', ...versions }],
    addons: listed,
  });
  const file = { name: `upgrade-${versions.to}.json`, digest: digestFor(text), size: text.length };
  return { migration: { id: versions.to, ...n, phase: 'data', file }, text, blobs };
}

let steps = 0;
/** A context of a step of its own, with a later fence than all before, that knows the upgrade's bytes. */
export function stepWith(upgrade: Pick<Upgrade, 'blobs'>, more: Partial<StepContext> = {}): StepContext {
  const n = ++steps;
  const until = performance.now() + 120_000;
  return stepContext({
    step: `s${n}`,
    idempotencyKey: `r1/s${n}`,
    fence: { epoch: 1, n },
    remainingMs: () => until - performance.now(),
    async blob(digest) {
      const bytes = upgrade.blobs.get(digest);
      if (!bytes) throw new Error(`this test gives no ${digest}`);
      return bytes;
    },
    ...more,
  });
}
