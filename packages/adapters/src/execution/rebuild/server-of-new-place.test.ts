/** What a person names for a store in its new place is judged by what is found there; nothing of it is passed over. */
import { expect, test } from 'vitest';
import type { DumpWants } from './point-to-rebuild.ts';
import { type ServerFound, whatStandsInTheWay } from './server-of-new-place.ts';

const wants: DumpWants = {
  ...{ major: 15, toolsMajor: 15, place: '77/16400', encoding: 'UTF8', owner: 'shop' },
  ...{ roles: ['reader'], extensions: ['pg_trgm'] },
};
const found: ServerFound = {
  ...{ at: '10.0.0.2:5432', database: 'shop', user: 'shop', passwordFits: true },
  ...{ superuser: true, major: 16, system: '99', owner: 'missing', missingRoles: [], missingExtensions: [] },
  toolsDir: '/usr/lib/postgresql/16/bin',
};
const empty = { oid: '16400', encoding: 'UTF8' };
const claim = { id: 'a', cell: 'shared', folder: '/srv/cell', machine: 'one', since: new Date(0), here: true };
const judged = (more: Partial<ServerFound>, asks: Partial<DumpWants> = {}) =>
  whatStandsInTheWay({ ...found, ...more }, { ...wants, ...asks }, 'shared', 'externalStores.main');

test('a server that has no such database, or an empty one, is taken, also where numbers of databases happen to be alike', () => {
  expect(judged({})).toEqual([]);
  expect(judged({ there: empty, owner: 'plain' })).toEqual([]);
  expect(judged({}, { place: undefined, encoding: undefined })).toEqual([]);
});

test.each<[string, Partial<ServerFound>, Partial<DumpWants>, RegExp]>([
  ['away', { away: 'connect ECONNREFUSED' }, {}, /adminUrl: 10\.0\.0\.2:5432 can’t be asked: connect ECONNREFUSED/],
  [
    'the very database that was lost',
    { system: '77', there: empty },
    {},
    /url: .*\/shop is the very database that the cell shared had/,
  ],
  [
    'the same, by its claim alone',
    { there: { ...empty, holds: 'table a', claim } },
    { place: undefined },
    /is the very database/,
  ],
  ['the lost server, without that database', { system: '77' }, {}, /is the server that the store was on/],
  ['a login without rights', { superuser: false }, {}, /adminUrl: its login .* is no superuser/],
  ['an older PostgreSQL', { major: 14 }, {}, /is PostgreSQL 14, and the dump is of 15/],
  ['no program for it', { toolsDir: undefined }, {}, /toolsDir: no pg_restore of PostgreSQL 16 or later/],
  ['an application that is a superuser', { owner: 'superuser' }, {}, /its login shop is a superuser/],
  ['a password that can’t be given', { passwordFits: false }, {}, /the login shop isn’t on .* can’t be made/],
  [
    'roles that aren’t there',
    { missingRoles: ['reader'] },
    {},
    /roles that aren’t on .*: reader\n.*create role "reader" nologin;/,
  ],
  ['an extension that isn’t there', { missingExtensions: ['pg_trgm'] }, {}, /has no extension pg_trgm/],
  [
    'a table',
    { there: { ...empty, holds: 'table invoices' } },
    {},
    /shop on .* isn’t empty: it has table invoices\. Nothing is written over/,
  ],
  [
    'another cell’s',
    { there: { ...empty, holds: 'table a', claim: { ...claim, cell: 'other' } } },
    {},
    /isn’t empty: it is under control of .*cell other/,
  ],
  [
    'an empty one in another encoding',
    { there: { ...empty, encoding: 'LATIN1' } },
    {},
    /is in LATIN1, and the one that is lost was in UTF8/,
  ],
])('refused: %s', (_what, more, asks, words) => {
  const wrong = judged(more, asks);
  expect(wrong).toHaveLength(1);
  const [{ where, why, unblock }] = wrong as [(typeof wrong)[number]];
  expect(`${where}: ${why}\n${unblock}`).toMatch(words);
  expect(unblock).not.toBe('');
});
