/** Which stores are refused before anything is brought back, and what each is told. */
import { expect, test } from 'vitest';
import type { AgentConfig } from '../config.ts';
import { refusedKind } from './refused-kind.ts';

const cells = [
  { kind: 'process', cell: 'own', stores: { main: {}, kept: { pgbackrest: {} } }, externalStores: { theirs: {} } },
  { kind: 'odoo', cell: 'erp', stores: { ada: 'ada' }, postgresql: { owner: 'odoo' } },
  { kind: 'odoo', cell: 'logged', stores: { bob: 'bob' }, postgresql: { owner: 'odoo', pgbackrest: {} } },
] as unknown as AgentConfig['cells'];

test.for<[string, string | undefined, RegExp | undefined]>([
  ['main', undefined, undefined],
  ['kept', undefined, undefined],
  ['theirs', undefined, /on somebody else’s server, whose owner keeps its log/],
  ['theirs', 'erp', /cell of Odoo/],
  // Nobody keeps the log of its PostgreSQL, so there is no moment of it between its restore points.
  [
    'ada',
    undefined,
    /postgresql\.pgbackrest of the cell.*headgate rollback PROMOTION.*pg_restore .*--role=odoo -d NAME dump.*Don’t rename that/,
  ],
  ['ada', 'own', undefined],
  ['ada', 'erp', /nobody keeps the log of the PostgreSQL of erp/],
  ['bob', undefined, undefined],
  ['bob', 'logged', undefined],
])('the store %s of the cell %s', ([store, cell, words]) => {
  const said = refusedKind({ cells }, store, cell);
  if (words === undefined) expect(said).toBeUndefined();
  else expect(said).toMatch(words);
});
