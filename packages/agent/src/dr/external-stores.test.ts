/** What a store on somebody else's server asks of an exercise and of whoever gives it another one. */
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import { expect, test } from 'vitest';
import { givenFor, tooNewToExercise } from './external-stores.ts';

const wants = {
  ...{ major: 16, toolsMajor: 17, place: undefined, encoding: undefined, owner: 'shop' },
  ...{ roles: ['reader'], extensions: ['pg_trgm'] },
};
const cell = { cell: 'shared' } as CellConfig;

test.each([
  [14, 0],
  [16, 0],
  [18, 0],
  [19, 1],
])('a dump of PostgreSQL %i is exercised on a version that is not older, or refused by name', (major, refused) => {
  const found = tooNewToExercise(cell, new Map([['main', { ...wants, major }]]));
  expect(found).toHaveLength(refused);
  for (const { where, why, unblock } of found)
    expect(`${where}: ${why}; ${unblock}`).toMatch(/store main: its dump is of PostgreSQL 19, .*dr rebuild takes any/);
});

test('what is to be given is named by version, role and extension, and no password of a URL is', async () => {
  const url = { variable: 'HEADGATE_TEST_SHOP_URL' };
  process.env[url.variable] = 'postgres://shop:the-password@db.internal:5433/shop';
  try {
    const config = { url, adminUrl: { file: '/etc/admin-url' }, restorePointsDir: '/srv', keepRestorePoints: 1 };
    const said = (await givenFor('main', config, wants)).join('\n');
    expect(said).toMatch(
      /a PostgreSQL 16 or later .*HEADGATE_TEST_SHOP_URL names shop on db\.internal:5433, as shop now/,
    );
    expect(said).toMatch(/pg_restore of PostgreSQL 17 or later/);
    expect(said).toMatch(/roles that rights in it name: reader\n.*extensions pg_trgm/);
    expect(said).not.toContain('the-password');
  } finally {
    delete process.env[url.variable];
  }
});
