/** A difference's bytes: one spelling, named by its digest, and whatever isn't one is refused and never thrown at. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TenantDifference } from '@headgate/domain';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalJson } from '../canonical.ts';
import { digestOf, hexOf } from '../digest.ts';
import { differenceHead, openDifference, openRow, rowLine } from './tenant-difference.ts';
import { openDifferenceFile } from './tenant-difference-file.ts';

const digest = `sha256:${'0'.repeat(64)}` as const;
const side = { database: '1/2', schemaVersion: 3, lsn: '0/1', snapshot: '1:1:', at: 0 };
const ROW = { table: 0, kind: 'away', live: ['1', null] } as const;
const BODY = `${rowLine(ROW)}\n`;
const DIFFERENCE: TenantDifference = {
  ...{ environment: 'production', cell: 'shared', store: 'main', tenant: 'ada', value: 'ada', moment: 'yesterday' },
  ...{ rules: { name: 'psa', digest }, live: side, was: side, schema: digest, shared: ['public.rate'] },
  tables: [
    {
      ...{ table: 'public.orders', belongs: { rows: 'tenant', column: 'tenant', type: 'text' }, key: ['id'] },
      columns: [
        { name: 'id', type: 'integer' },
        { name: 'tenant', type: 'text' },
      ],
      ...{ liveOnly: [], sums: [], back: 0, away: 1, changed: 0, changes: [], added: [] },
      ...{ live: { rows: 2, sum: '1:-2' }, was: { rows: 1, sum: '3:4' } },
    },
  ],
  ...{ by: 'usr_ann', madeAt: 5, undoes: null },
  body: { sha256: hexOf(digestOf(BODY)), bytes: BODY.length, lines: 1 },
};

describe('A first line', () => {
  const { text, digest: named } = differenceHead(DIFFERENCE);

  test('is read as it was written, by its digest', () => {
    expect(openDifference(text)).toEqual({ ok: true, difference: DIFFERENCE, digest: named });
  });

  test.each([
    ['is no JSON', '{', /is not JSON/],
    ['is spelled otherwise', ` ${text}`, /not canonical/],
    ['lacks a field', text.replace(`"schema":"${digest}",`, ''), /at schema: expected/],
    ['doesn’t say who made it', text.replace('"by":"usr_ann"', '"by":null'), /at by: expected a principal/],
    ['has one more', canonicalJson({ ...JSON.parse(text), more: 1 }), /more/],
    [
      'says another number of rows than its tables',
      canonicalJson({ ...JSON.parse(text), body: { ...DIFFERENCE.body, lines: 2 } }),
      /add up/,
    ],
    ['is too large', `{"a":"${'x'.repeat(9_000_000)}"}`, /more than 8388608 bytes/],
  ])('that %s is refused', (_what, line, why) => {
    expect(openDifference(line)).toMatchObject({
      ok: false,
      code: 'difference-malformed',
      why: expect.stringMatching(why),
    });
  });

  test('of any bytes throws nothing', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => openDifference(line).ok === false));
  });
});

describe('A row', () => {
  test('is one of its tables', () => {
    expect(openRow(rowLine(ROW), DIFFERENCE.tables)).toEqual(ROW);
    for (const wrong of [
      { ...ROW, table: 1 },
      { ...ROW, live: ['1'] },
      { ...ROW, live: ['1', null, null] },
      { ...ROW, was: ['1', null] },
      { table: 0, kind: 'back', live: ['1', null] },
      { table: 0, kind: 'changed', live: ['1', null] },
      { ...ROW, kind: 'other' },
    ])
      expect(openRow(canonicalJson(wrong), DIFFERENCE.tables), canonicalJson(wrong)).toBeUndefined();
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => openRow(line, DIFFERENCE.tables) === undefined));
  });
});

describe('A file', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-difference-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));
  const opened = async (content: string, mode = 0o600) => {
    const file = join(dir, `${Math.random()}`);
    await writeFile(file, content, { mode });
    return openDifferenceFile(file);
  };
  const { text } = differenceHead(DIFFERENCE);
  const all = async (rows: AsyncIterable<unknown>): Promise<readonly unknown[]> => {
    const found: unknown[] = [];
    for await (const row of rows) found.push(row);
    return found;
  };

  test('is whole, or its first line alone; with another byte, or open to others, it is refused', async () => {
    const whole = await opened(`${text}\n${BODY}`);
    expect(whole.whole).toBe(true);
    expect(await all(whole.rows())).toEqual([ROW]);
    const first = await opened(text, 0o644);
    expect(first).toMatchObject({ whole: false, digest: whole.digest });
    expect(await all(first.rows())).toEqual([]);
    await expect(opened(`${text}\n${BODY.replace('"1"', '"2"')}`)).rejects.toThrow(/aren’t those/);
    await expect(opened(`${text}\n${BODY}${BODY}`)).rejects.toThrow(/aren’t those/);
    await expect(opened(`${text}\n${BODY}`, 0o644)).rejects.toThrow(/may be read by others/);
    await expect(opened('x'.repeat(9_000_000))).rejects.toThrow(/more than 8388608 bytes/);
    await expect(openDifferenceFile(join(dir, 'nowhere'))).rejects.toThrow(/there is no file/);
  });
});
