import { openPostgresControl } from '@headgate/adapters/control/postgres/open';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { auditRows } from '@headgate/control';
import { digestOfJson, EntryChecks, Frontier, foldOf, leafOf } from '@headgate/documents';
import { AUDIT_MEANS } from '@headgate/server/documents/audit-means';
import { expect, test } from 'vitest';
import { withControlDatabase } from '../bench/scratch.ts';
import { fillDatabase } from './fill-database.ts';

test('a seeded fleet has a log that verifies and rows that agree with it', { timeout: 120_000 }, async () => {
  await withControlDatabase(async ({ adminUrl, databaseUrl }) => {
    const size = { tenants: 40, cells: 8, releases: 10, entries: 1_000 };
    const { entries } = await fillDatabase(adminUrl, size);
    expect(entries).toBeGreaterThan(990);
    expect(entries).toBeLessThan(1_010);
    const control = await openPostgresControl({ databaseUrl, poolSize: 2, applicationName: 'headgate test' });
    try {
      const { store, log, blobs } = control;
      const frontier = Frontier.empty();
      const checks = new EntryChecks();
      const placed = await log.entries(0, 1_000);
      const all = [...placed, ...(await log.entries(1_000, 1_000))];
      expect(all).toHaveLength(entries);
      for (const { place, bytes } of all) {
        expect(checks.check(bytes, place)).toBeUndefined();
        frontier.append(leafOf(bytes));
      }
      let signed: Uint8Array | undefined;
      await log.publishHead((_, root) => {
        signed = root;
        return 'note';
      });
      expect(signed).toEqual(frontier.root());
      expect(signed).toEqual(foldOf(frontier.peaks));
      const means = {
        store,
        blobs,
        digestOf: digestOfJson,
        ...AUDIT_MEANS,
      };
      const audited = await auditRows(means, log, { limit: 500 });
      expect(audited.differences).toEqual([]);
      expect(audited.checked).toBe(40 + 8 + 8 + 10 + 10 + 13);
    } finally {
      await control.close();
    }
    await expect(fillDatabase(adminUrl, size)).rejects.toThrow(/holds a fleet/);
    await withClient({ connectionString: adminUrl }, async (db) => {
      const { rows } = await db.query<{ n: string }>('select count(*) as n from headgate.entry_waiting');
      expect(Number(rows[0]?.n)).toBe(0);
    });
  });
});
