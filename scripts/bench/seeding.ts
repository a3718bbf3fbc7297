import { openPostgresControl } from '@headgate/adapters/control/postgres/open';
import type { Deps } from '@headgate/control';
import { canonicalBytes, digestOfJson } from '@headgate/documents';
import { newId } from '@headgate/server/ids';
import { BENCH_TRUST } from './fleet.ts';

/** The control plane's dependencies on a database, without its loops: for making what is measured afterwards. */
export async function withDeps<T>(databaseUrl: string, work: (deps: Deps) => Promise<T>): Promise<T> {
  const control = await openPostgresControl({ databaseUrl, poolSize: 12, applicationName: 'headgate bench' });
  try {
    return await work({
      store: control.store,
      blobs: control.blobs,
      trust: BENCH_TRUST,
      epoch: await control.epoch(),
      newId,
      digestOf: digestOfJson,
      canonical: canonicalBytes,
    });
  } finally {
    await control.close();
  }
}
