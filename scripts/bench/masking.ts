import { markCopy } from '@headgate/adapters/execution/masking/copy-mark';
import { maskCopy } from '@headgate/adapters/execution/masking/mask-copy';
import { MaskKeys } from '@headgate/adapters/execution/masking/mask-keys';
import { freePort } from '@headgate/adapters/machine/free-port';
import { Cluster, openCluster } from '@headgate/adapters/postgres-cluster/cluster';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { digestOf } from '@headgate/documents';
import type { MaskingRule } from '@headgate/domain/masking/rule';
import { type Figure, figure } from './figure.ts';
import { holding, inScratch, say } from './scratch.ts';

const ROWS = 1_000_000;

/** 20 columns, of which three are people's; the one unique index is on one of these. */
const TABLE = `create table public.person as
select i::int8 as id, 'Vorname' || i % 5000 || ' Nachname' || i as name, 'p' || i || '@firma-' || i % 500 || '.example' as email,
  '+4930' || (10000000 + i * 7 % 89999999) as phone, 'Ort ' || i % 400 as city, lpad((i % 99999)::text, 5, '0') as postcode,
  'DE' as country, date '1950-01-01' + i % 20000 as born, timestamptz '2024-01-01Z' + i * interval '1 minute' as created,
  timestamptz '2025-01-01Z' + i * interval '1 minute' as changed, i % 7 as status, i % 300 as branch, (i % 100000) / 7.0::float8 as score,
  (i % 100000)::numeric / 100 as balance, i % 2 = 0 as active, 'segment-' || i % 12 as segment, i % 90 as terms, md5(i::text) as hash,
  'remark ' || i % 1000 as remark, i::int8 * 3 as external_id
from generate_series(1, ${ROWS}) as i`;

const RULES: readonly MaskingRule[] = [
  { table: 'person', column: 'name', mask: 'person-name', part: 'full' },
  { table: 'person', column: 'email', mask: 'email', domain: 'example.org' },
  { table: 'person', column: 'phone', mask: 'phone', keep: 3 },
];

/** Rows a second, from the first table to the last checked key, on two connections to a cluster that syncs to disk. */
export async function maskingFigure(): Promise<readonly Figure[]> {
  return inScratch(async (dir) => {
    const settings = { shared_buffers: '256MB', max_wal_size: '4GB', autovacuum: 'off' };
    const config = { dir: `${dir}/cluster`, port: await freePort(), settings };
    const programs = await findPrograms(15, dir);
    return holding(
      () => new Cluster(config, programs).stop(),
      async () => {
        const cluster = await openCluster(config, programs);
        const database = await cluster.connection();
        await withClient(database, async (client) => {
          await client.query(TABLE);
          await client.query('create unique index person_email on public.person (email)');
          await client.query('vacuum analyze public.person');
          await client.query('checkpoint');
          await markCopy(client, 'the bench');
        });
        const outcome = await maskCopy({
          database,
          connections: 2,
          rules: RULES,
          expected: [],
          digest: digestOf('bench'),
          keys: new MaskKeys('a key that the bench made up for itself'),
        });
        if (!outcome.ok || !('report' in outcome)) throw new Error(JSON.stringify(outcome));
        const { rows, maskMs, scanMs, leakScan } = outcome.report;
        if (rows !== ROWS) throw new Error(`${rows} rows were masked`);
        if (leakScan.places.length > 0) throw new Error(`originals were found: ${JSON.stringify(leakScan.places)}`);
        say(`masked ${rows} rows in ${(maskMs / 1_000).toFixed(1)} s, leak scan ${(scanMs / 1_000).toFixed(1)} s`);
        return [figure('masking', rows / (maskMs / 1_000))];
      },
    );
  });
}
