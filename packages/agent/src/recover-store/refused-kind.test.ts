/** Which stores are refused before anything is brought back, and what each is told. */
import { expect, test } from 'vitest';
import type { AgentConfig } from '../config.ts';
import { refusedKind } from './refused-kind.ts';

const cells = [
  { kind: 'process', cell: 'own', stores: { main: {}, kept: { pgbackrest: {} } }, externalStores: { theirs: {} } },
  { kind: 'odoo', cell: 'erp', tenants: { ada: {} }, postgresql: { owner: 'odoo' } },
  { kind: 'odoo', cell: 'logged', tenants: { bob: {} }, postgresql: { owner: 'odoo', pgbackrest: {} } },
] as unknown as AgentConfig['cells'];

test.for<[string, string | undefined, RegExp | undefined]>([
  ['main', undefined, undefined],
  ['kept', undefined, undefined],
  ['theirs', undefined, /on somebody else’s server, whose owner keeps its log/],
  ['theirs', 'erp', /cell of Odoo/],
  // Its database and its files go back together, and what was counted of it wouldn't stand still.
  ['ada', undefined, /headgate rollback PROMOTION.*pg_restore .*--role=odoo -d NAME dump.*Don’t rename that/],
  ['ada', 'own', undefined],
  ['ada', 'erp', /With postgresql\.pgbackrest in the cell’s configuration a tenant comes back to any moment/],
  ['bob', 'logged', /headgate-agent recover --config FILE --cell logged --store bob --at TIME --to DIR/],
])('the store %s of the cell %s', ([store, cell, words]) => {
  const said = refusedKind({ cells }, store, cell);
  if (words === undefined) expect(said).toBeUndefined();
  else expect(said).toMatch(words);
});
