/** What an agent keeps of having applied a difference, from just before the commit on: once is once, and its statement can be written later. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from '@headgate/adapters/execution/store/store-session';
import { transactionIsOver } from '@headgate/adapters/execution/tenant-rows/transaction-status';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';
import type { TenantRecovered } from '@headgate/documents';
import type { Digest } from '@headgate/domain';
import { z } from 'zod';

const Kept = z.strictObject({ transaction: z.string().regex(/^\d{1,20}$/), facts: z.looseObject({ at: z.int() }) });

/** Of a difference; by its digest, so that neither its name nor its approval has to do with it. */
function placeOf(dataDir: string, difference: Digest): string {
  return join(dataDir, 'tenant-recoveries', 'applied', `${difference.replace('sha256:', '')}.json`);
}

/** To be called before the commit: `transaction` is what the store calls it. */
export async function keepApplied(
  dataDir: string,
  difference: Digest,
  transaction: string,
  facts: TenantRecovered,
): Promise<void> {
  await mkdir(join(dataDir, 'tenant-recoveries', 'applied'), { recursive: true, mode: 0o700 });
  await writeDurably(placeOf(dataDir, difference), `${JSON.stringify({ transaction, facts })}\n`, 0o600);
}

/** What was said of it where it was applied; undefined: it wasn't. Throws while that is still open. */
export async function appliedBefore(
  dataDir: string,
  difference: Digest,
  store: Store,
): Promise<TenantRecovered | undefined> {
  const place = placeOf(dataDir, difference);
  const text = await readIfThere(place);
  if (text === undefined) return undefined;
  const { transaction, facts } = Kept.parse(JSON.parse(text));
  return (await transactionIsOver(store, transaction)) === 'aborted'
    ? undefined
    : (facts as unknown as TenantRecovered);
}
