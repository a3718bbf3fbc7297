/**
 * The analysis against a server's own trace. Statements are made by chance over tables of many shapes and carried out, each
 * in a transaction that is rolled back; the server says which locks the session held, what was written again, what was read
 * and changed, and whether running code's statements still work. `HEADGATE_ORACLE_CASES` and `HEADGATE_ORACLE_SEED` ask for
 * more and for others.
 */

import { readCatalogueOf } from '@headgate/adapters/catalogue/read-database';
import type { PostgresMajor } from '@headgate/adapters/postgres-cluster/index';
import { analyse, loadParser } from '@headgate/migrations';
import { PARTS } from '@headgate/migrations/statements/alter-table/alter-table';
import { FAMILIES } from '@headgate/migrations/statements/catalog';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lockAlone } from './oracle/alone.ts';
import { type Compared, compare, confusion, confusionText } from './oracle/compare.ts';
import type { OracleDatabase } from './oracle/database.ts';
import { prepare, type Run, traceAll } from './oracle/run.ts';

const CASES = Number(process.env.HEADGATE_ORACLE_CASES ?? 1_250);
const SEED = Number(process.env.HEADGATE_ORACLE_SEED ?? 1);

beforeAll(loadParser);

describe.each<[PostgresMajor, number, number]>([
  [15, CASES, 1_000],
  [18, Math.ceil(CASES / 6), 150],
])('on PostgreSQL %i', (major, count, least) => {
  let database: OracleDatabase;
  let run: Run;
  let compared: readonly Compared[];
  let sequences: readonly Compared[];
  beforeAll(async () => {
    const prepared = await prepare(major, SEED + major, 24, count, major === 15 ? Math.ceil(count / 4) : 0);
    database = prepared.database;
    run = await traceAll(database, prepared.cases);
    compared = run.traced.map(({ each, truth }) => compare(each, truth, database.catalogue));
    const further = await traceAll(database, prepared.sequences);
    sequences = further.traced.map(({ each, truth }) => compare(each, truth, database.catalogue));
  }, 600_000);
  afterAll(() => database?.remove());
  const told = (all: readonly Compared[]) =>
    all.map(({ each, truth, messages }) => [each.statements.join('; '), [...truth.harms, ...truth.breaks], messages]);

  test('enough was carried out, of every family', () => {
    process.stdout.write(`PostgreSQL ${major}, ${compared.length} cases, seed ${SEED}:\n${confusionText(compared)}\n`);
    expect(compared.length).toBeGreaterThanOrEqual(least);
    const families = new Set(compared.map(({ each }) => each.family));
    expect(families.size).toBeGreaterThanOrEqual(major === 15 ? 105 : 80);
    const { harms, breaks, safe } = confusion(compared);
    for (const { dangerous } of [harms, breaks]) expect(dangerous).toBeGreaterThan(least / 40);
    expect(safe.safe).toBeGreaterThan(least / 4);
  });

  test('nothing that harms is called anything but dangerous', () => {
    expect(told(compared.filter(({ was, said }) => was === 'harms' && said !== 'dangerous'))).toEqual([]);
  });

  test('nothing that breaks running code is called safe', () => {
    expect(told(compared.filter(({ was, said }) => was === 'breaks' && said === 'safe'))).toEqual([]);
  });

  test.runIf(major === 15)('the same over sequences of statements in one transaction', () => {
    process.stdout.write(`sequences of statements:\n${confusionText(sequences)}\n`);
    expect(sequences.length).toBeGreaterThan(least / 8);
    const { harms, safe } = confusion(sequences);
    expect(harms.dangerous).toBeGreaterThan(30);
    const missed = ({ was, said }: Compared) =>
      (was === 'harms' && said !== 'dangerous') || (was === 'breaks' && said === 'safe');
    expect(told(sequences.filter(missed))).toEqual([]);
    expect(safe.dangerous / (safe.safe + safe.caution + safe.dangerous)).toBeLessThanOrEqual(0.15);
  });

  test('at most 5 % of what is safe is called dangerous', () => {
    const safe = compared.filter(({ was }) => was === 'safe');
    const wrongly = safe.filter(({ said }) => said === 'dangerous');
    expect(wrongly.length / safe.length, JSON.stringify(told(wrongly).slice(0, 20), null, 1)).toBeLessThanOrEqual(0.05);
  });

  test('no lock that others wait for is unknown to us, and few are only said', () => {
    expect(
      compared
        .filter(({ understated }) => understated.length > 0)
        .map(({ each, understated }) => [each.statements, understated]),
    ).toEqual([]);
    const over = compared.filter(({ overstated }) => overstated.length > 0);
    expect(over.length / compared.length).toBeLessThanOrEqual(0.06);
  });

  test('statements that no transaction takes hold the locks that are said', async () => {
    const { client } = database;
    await client.query('create table alone(id int primary key, k int); create index alone_k on alone(k)');
    const catalogue = await readCatalogueOf(client);
    const statements = [
      ['alone', 'create index concurrently z on alone(k)'],
      ['alone', 'create unique index concurrently zu on alone(id)'],
      ['alone', 'reindex index concurrently alone_k'],
      ['alone', 'reindex table concurrently alone'],
      ['alone', 'drop index concurrently alone_k'],
      ['alone', 'vacuum full alone'],
    ] as const;
    for (const [table, sql] of statements) {
      const [statement] =
        analyse([{ name: 'a.sql', text: sql }], { catalogue, lockTimeout: true }).files[0]?.statements ?? [];
      expect(statement?.effects?.noTransaction, sql).toBeTypeOf('string');
      const said = statement?.effects?.locks.find(({ relation }) => relation === `public.${table}`)?.mode;
      expect(await lockAlone(database, table, sql), sql).toBe(said);
    }
    await client.query('drop table alone');
  });

  const turnedOff: readonly (readonly [string, Record<string, unknown>, string])[] = [
    ['indexes', FAMILIES, 'IndexStmt'],
    ['UPDATE', FAMILIES, 'UpdateStmt'],
    ['DELETE', FAMILIES, 'DeleteStmt'],
    ['DROP', FAMILIES, 'DropStmt'],
    ['TRUNCATE', FAMILIES, 'TruncateStmt'],
    ['renaming', FAMILIES, 'RenameStmt'],
    ['REVOKE', FAMILIES, 'GrantStmt'],
    ['LOCK', FAMILIES, 'LockStmt'],
    ['DO blocks', FAMILIES, 'DoStmt'],
    ['new columns', PARTS, 'AT_AddColumn'],
    ['dropped columns', PARTS, 'AT_DropColumn'],
    ['types', PARTS, 'AT_AlterColumnType'],
    ['SET NOT NULL', PARTS, 'AT_SetNotNull'],
    ['constraints', PARTS, 'AT_AddConstraint'],
  ];
  test.runIf(major === 15)('with the triggers left out of what is known, that is noticed', () => {
    const relations = database.catalogue.relations.map((each) => ({ ...each, triggers: [] }));
    const again = run.traced.map(({ each, truth }) => compare(each, truth, { ...database.catalogue, relations }));
    expect(again.filter(({ was, said }) => was === 'harms' && said !== 'dangerous').length).toBeGreaterThan(0);
  });

  test.runIf(major === 15).each(turnedOff)('with the rule for %s turned off, that is noticed', (_what, table, name) => {
    const rule = table[name];
    expect(rule).toBeTypeOf('function');
    table[name] = () => 'ACCESS SHARE';
    try {
      const bad = run.traced.filter(({ truth }) => truth.harms.length + truth.breaks.length > 0);
      const again = bad.map(({ each, truth }) => compare(each, truth, database.catalogue));
      const missed = again.filter(
        ({ was, said }) => (was === 'harms' && said !== 'dangerous') || (was === 'breaks' && said === 'safe'),
      );
      expect(missed.length).toBeGreaterThan(0);
    } finally {
      table[name] = rule;
    }
  });
});
