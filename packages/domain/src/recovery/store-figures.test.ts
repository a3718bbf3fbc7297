import { expect, test } from 'vitest';
import { type ProposedTenant, tenantLines } from './proposed-tenant.ts';
import { type CountedFigures, wrongFigures } from './store-figures.ts';
import type { ProposedSide } from './store-proposal.ts';

const side: ProposedSide = {
  ...{ system: '77', timeline: 1, lsn: '0/1', schemaVersion: 2, census: `sha256:${'0'.repeat(64)}`, tables: 4, at: 1 },
};
const entry = {
  ...{ table: 'public.entry', rowsNow: 10, rowsThen: 8, lost: 3, back: 1 },
  ...{ lostColumns: ['note'], backColumns: [] },
};
const other = { part: 'sequences', what: 'sequence public.no', saysNow: 'next 9', saysThen: 'next 1' } as const;
const odoo: ProposedTenant = {
  ...{ database: '16384', objects: `sha256:${'1'.repeat(64)}`, files: 3, bytes: 2_048 },
  ...{ lacking: ['4f/4f'], byItself: ['public.ir_cron', 'public.bus_bus'] },
};
const counted: CountedFigures = {
  ...{ moment: '2026-11-22T09:30:00.000Z', point: 'rp-1', keptAt: 5, firstLost: { xid: '7', at: 6 } },
  ...{ live: side, was: { ...side, timeline: 2, schemaVersion: 1 }, tables: [entry] },
  ...{ others: [other], othersInAll: 1, databases: ['reports'], files: ['attachments'] },
  ...{ serving: [{ slot: 'green', version: '1.4.0', min: 0, max: 3 }], odoo },
};

test('a proposal that shows what is counted is right, in whatever order its fields stand, at another LSN and time', () => {
  const turned = Object.fromEntries(Object.entries(entry).toReversed()) as unknown as typeof entry;
  expect(wrongFigures(counted, { ...counted, tables: [turned] })).toEqual([]);
  expect(wrongFigures(counted, { ...counted, live: { ...side, lsn: '0/2', at: 9 } })).toEqual([]);
});

test('each figure that a person is shown is held against what is counted', () => {
  const { keptAt: _, ...unkept } = counted;
  for (const [shown, words] of [
    [
      { ...counted, tables: [{ ...entry, lost: 0, back: 0 }] },
      'public.entry (it shows 0 lost and 0 back; counted: 3 lost and 1 back)',
    ],
    [{ ...counted, tables: [] }, 'public.entry (it shows no difference; counted: 3 lost and 1 back)'],
    [
      { ...counted, tables: [entry, { ...entry, table: 'public.more' }] },
      'public.more (it shows 3 lost and 1 back; counted: no difference)',
    ],
    [{ ...counted, tables: [entry, entry] }, 'a table that is listed twice'],
    [{ ...counted, tables: [{ ...entry, rowsNow: 8 }] }, 'public.entry (its rows or columns)'],
    [{ ...counted, tables: [{ ...entry, lostColumns: [] }] }, 'public.entry (its rows or columns)'],
    [{ ...counted, moment: 'yesterday' }, 'the moment'],
    [{ ...counted, point: 'rp-2' }, 'the restore point'],
    [{ ...counted, keptAt: 6 }, 'the newest transaction kept'],
    [unkept, 'the newest transaction kept'],
    [{ ...counted, firstLost: { xid: '8', at: 6 } }, 'the first transaction lost'],
    [{ ...counted, others: [] }, 'what goes back beside rows'],
    [{ ...counted, othersInAll: 0 }, 'how much goes back beside rows'],
    [{ ...counted, databases: [] }, 'other databases'],
    [{ ...counted, serving: [] }, 'what serves'],
    [{ ...counted, files: [] }, 'files'],
    [{ ...counted, odoo: { ...odoo, files: 4 } }, 'its files, or tables that aren’t counted'],
    [{ ...counted, odoo: { ...odoo, lacking: [] } }, 'its files, or tables that aren’t counted'],
    [{ ...counted, odoo: { ...odoo, byItself: [] } }, 'its files, or tables that aren’t counted'],
    [{ ...counted, live: { ...side, schemaVersion: 1 } }, 'the schema now'],
    [{ ...counted, live: { ...side, tables: 5 } }, 'the number of tables now'],
    [{ ...counted, was: { ...counted.was, timeline: 3 } }, 'the timeline then'],
    [{ ...counted, was: { ...counted.was, system: '78' } }, 'the cluster then'],
  ] as const)
    expect(wrongFigures(counted, shown), words).toEqual([words]);
});

test('of many that are wrong the first are spelled out', () => {
  const tables = Array.from({ length: 8 }, (_, n) => ({ ...entry, table: `public.t${n}` }));
  expect(wrongFigures({ ...counted, tables }, { ...counted, tables: [] }).at(-1)).toBe('3 more');
});

test('of a tenant of Odoo each file that it lacks is told by name, as far as a person reads, and all that isn’t counted', () => {
  expect(tenantLines(odoo)).toEqual([
    expect.stringMatching(/^files {21}3, 2\.0 KiB: they come back with it/),
    'LACKING                   4f/4f: nobody has it, so it comes back without',
    expect.stringMatching(/^not counted {15}public\.ir_cron, public\.bus_bus: Odoo writes there by itself/),
  ]);
  const lacking = Array.from({ length: 22 }, (_, n) => `aa/${n}`);
  expect(tenantLines({ ...odoo, lacking, byItself: [] }).at(-1)).toBe(
    'LACKING                   and 2 more (see the file)',
  );
});
