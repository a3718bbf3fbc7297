import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { migrationFileProblems, migrationsOf, readService, serviceRelease } from './index.ts';

const said = (...names: string[]) =>
  migrationsOf(names, 'expand').map(({ up, phase, undo }) => `${up} ${phase} ${undo}`);

describe('the phase of a migration', () => {
  test.each([
    ['0002-drop.contract.sql', 'contract restore'],
    ['0002.contract.drop-note.sql', 'contract restore'],
    ['0002.contract.sql', 'contract restore'],
    ['0002-drop.contract.up.sql', 'contract restore'],
    ['0002-fill.data.sql', 'data restore'],
    ['0002.data.fill.v2.sql', 'data restore'],
    ['0002-add.expand.sql', 'expand keep'],
    ['0002-contract.expand.sql', 'expand keep'],
    ['0002.contacts.expand.sql', 'expand keep'],
    ['0002-add-contract-to-customer.sql', 'expand keep'],
    ['0002-metadata.sql', 'expand keep'],
    ['0002-scale-down.up.sql', 'expand keep'],
  ])('is what stands between dots, wherever it stands: %s', (name, expected) => {
    expect(said(name)).toEqual([`${name} ${expected}`]);
  });
  test('is the service’s where the name says none, and an .expand says it all the same', () => {
    expect(migrationsOf(['1-a.sql', '2-b.expand.sql'], 'contract').map(({ phase }) => phase)).toEqual([
      'contract',
      'expand',
    ]);
  });
});

describe('nothing is made of a folder', () => {
  const phase = (name: string, word: string, rest: string) =>
    `"${name}" ends in "${word}", and a phase is said with a dot before it; rename it: ${rest} if it only adds`;
  const looks = (name: string) =>
    `"${name}" looks like a migration and wouldn’t be run; rename it (a letter or digit first, then letters from a to z, digits, "_", "-" and ".", and .sql, .yaml or .yml in small letters at the end), or move it out of the folder`;
  const tied = (a: string, b: string) =>
    `"${a}" and "${b}" have the same number, so nobody can tell which comes first; give the one that no database has run yet a higher number`;
  test.each<[string, readonly string[], readonly string[]]>([
    [
      'with a phase in another case',
      ['0002-drop.Contract.sql', '0003-drop.CONTRACT.up.sql', '0004-fill.Data.yaml'],
      [
        '"0002-drop.Contract.sql" says ".Contract", which is no phase; rename it with ".contract" in its place, or with ".expand" before the ending if it only adds',
        '"0003-drop.CONTRACT.up.sql" says ".CONTRACT", which is no phase; rename it with ".contract" in its place, or with ".expand" before the ending if it only adds',
        '"0004-fill.Data.yaml" says ".Data", which is no phase; rename it with ".data" in its place, or with ".expand" before the ending if it only adds',
      ],
    ],
    [
      'with a phase that is misspelled',
      ['0002-drop.contrct.sql'],
      [
        '"0002-drop.contrct.sql" says ".contrct", which is no phase; rename it with ".contract" in its place, or with ".expand" before the ending if it only adds',
      ],
    ],
    [
      'with a phase behind no dot',
      ['0002-contract.sql', '0003_Contract.up.sql', '0004-user-data.yml', '0005contract.sql', 'contract.sql'],
      [
        phase('0002-contract.sql', 'contract', '"0002.contract.sql", or "0002-contract.expand.sql"'),
        phase('0003_Contract.up.sql', 'Contract', '"0003.contract.up.sql", or "0003_Contract.expand.up.sql"'),
        phase('0004-user-data.yml', 'data', '"0004-user.data.yml", or "0004-user-data.expand.yml"'),
        phase('0005contract.sql', 'contract', '"0005.contract.sql", or "0005contract.expand.sql"'),
        phase('contract.sql', 'contract', '"0001.contract.sql", or "contract.expand.sql"'),
      ],
    ],
    [
      'with two phases in one name',
      ['0001.contract.data.sql'],
      ['"0001.contract.data.sql" says more than one phase: data, contract; leave one of them, or split the file'],
    ],
    [
      'with a direction in another place or case',
      ['0001-a.DOWN.sql', '0002.down.a.sql'],
      [
        '"0001-a.DOWN.sql" says ".DOWN", and a direction is said right before the ending and in small letters (".down.sql"); rename it',
        '"0002.down.a.sql" says ".down", and a direction is said right before the ending and in small letters (".down.sql"); rename it',
      ],
    ],
    [
      'with a way back that would be run as one forward',
      ['0001-orders_down.sql'],
      [
        '"0001-orders_down.sql" ends in "down" and would be run as a way forward; rename it: "0001-orders.down.sql" if it takes back 0001-orders, else "0001-orders_down.up.sql"',
      ],
    ],
    [
      'with files that would be left out',
      ['0001-é.sql', '0002 drop.contract.sql', '0003-drop.contract.SQL', '_0004.sql', '.0005.sql', '0006.sql '],
      ['.0005.sql', '0001-é.sql', '0002 drop.contract.sql', '0003-drop.contract.SQL', '0006.sql ', '_0004.sql'].map(
        looks,
      ),
    ],
    [
      'with a name longer than a release takes',
      [`1${'a'.repeat(91)}.sql`],
      [`"1${'a'.repeat(79)}…`].map((start) => expect.stringContaining(start.slice(0, 60))),
    ],
    [
      'with one migration twice',
      ['0001-a.sql', '0001-a.up.sql', '0002-b.sql', '0002-b.yaml', '0002-b.down.sql', '0002-b.down.yml'],
      [
        '"0001-a.sql" and "0001-a.up.sql" are the same migration twice; keep one of them',
        '"0002-b.sql" and "0002-b.yaml" are the same migration twice; keep one of them',
        '"0002-b.down.sql" and "0002-b.down.yml" are the same migration twice; keep one of them',
      ],
    ],
    [
      'with numbers that are the same',
      ['1-a.sql', '01-a.sql', '0007-x.sql', '0007-y.sql', '2026-01-05-a.sql', '2026-01-05-b.sql'],
      [tied('01-a.sql', '1-a.sql'), tied('0007-x.sql', '0007-y.sql'), tied('2026-01-05-a.sql', '2026-01-05-b.sql')],
    ],
    [
      'with the same number under two phases',
      ['0001-a.up.sql', '0001-a.contract.up.sql'],
      [tied('0001-a.up.sql', '0001-a.contract.up.sql')],
    ],
    ['with names that are equal but for zeros', ['a1.sql', 'a01.sql'], [tied('a01.sql', 'a1.sql')]],
    [
      'with a way back of nothing',
      ['0001-a.sql', '0002-drop.contract.down.sql'],
      [
        '"0002-drop.contract.down.sql" takes back a migration that isn’t there: "0002-drop.contract.up.sql" is missing; add it, name both the same, or take this one away',
      ],
    ],
  ])('%s', (_what, names, expected) => {
    expect(migrationFileProblems(names)).toEqual(expected);
    expect(migrationFileProblems([...names].reverse()), 'in whatever order the folder is read').toEqual(expected);
    expect(() => migrationsOf(names, 'expand')).toThrow(String(migrationFileProblems(names)[0]));
  });

  test('and not everything is told at once', () => {
    const names = Array.from({ length: 300 }, (_, i) => `${i} a.sql`);
    expect(() => migrationsOf(names, 'expand')).toThrow(/\nand 290 more$/);
  });
});

test('dates, parts of numbers and what isn’t SQL are taken as they are', () => {
  const names = ['2026-01-05-a.sql', '2026-01-06-b.sql', '1.1-a.sql', '1.2-b.sql', '0003-1fa.sql', '0004-2fa.sql'];
  expect(
    migrationFileProblems([...names, 'README.md', 'notes é.txt', '.gitkeep', '.SQLFLUFF', 'seed.sql.bak']),
  ).toEqual([]);
});

describe('a release', () => {
  const folders: string[] = [];
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });
  test('isn’t made of a service whose migrations would be misread', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headgate-names-'));
    folders.push(folder);
    await mkdir(join(folder, 'migrations'));
    await writeFile(join(folder, 'server.mjs'), '');
    await writeFile(join(folder, 'migrations', '0001-a.sql'), 'select 1');
    const read = readService(
      'apiVersion: headgate/v1\nkind: Service\nmetadata: {name: shop, owner: team-shop}\nspec: {run: ["${node}"], files: [server.mjs], health: /, migrations: migrations, environments: [{name: production}]}\n',
      'headgate.yaml',
    );
    if (!read.ok) throw new Error(read.problems[0]?.message);
    const release = () => serviceRelease(read.service, folder, { version: '1', authors: ['usr_a'], origin: 'built' });
    expect((await release()).manifest.migrations).toHaveLength(1);
    await writeFile(join(folder, 'migrations', '0002-drop.contract.SQL'), 'select 1');
    await expect(release()).rejects.toThrow(/"0002-drop\.contract\.SQL" looks like a migration and wouldn’t be run/);
  });
});
