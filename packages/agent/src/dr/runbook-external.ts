/** What of a runbook is of a store on somebody else's server. */
import { join } from 'node:path';
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import { type ConnectionUrl, readConnectionUrl } from '@headgate/adapters/execution/external-store/connection-url';
import { addressOf } from '@headgate/adapters/execution/rebuild/server-of-new-place';
import type { RebuildPlan, RebuildStep } from '@headgate/domain';
import type { DrAsk } from './ask.ts';
import { fenced, identityOf, word } from './runbook-words.ts';

/** Where such a store comes back, as its URLs say now; they hold passwords, which no runbook does. */
export interface NamedServers {
  readonly [store: string]: { readonly url: ConnectionUrl; readonly admin: ConnectionUrl } | undefined;
}

export async function namedServers(cell: DrAsk['cell']): Promise<NamedServers> {
  if (cell.kind === 'odoo') return {};
  const named: Record<string, { url: ConnectionUrl; admin: ConnectionUrl }> = {};
  for (const [store, { url, adminUrl }] of Object.entries(cell.externalStores))
    named[store] = { url: await readConnectionUrl(url), admin: await readConnectionUrl(adminUrl) };
  return named;
}

export function externalStoreText(name: string, servers: NamedServers): string {
  const { url } = servers[name]!;
  return `The store ${name} comes back to the server that externalStores.${name}.url and adminUrl name in the new place (as this is rendered ${addressOf(url)}, which must not be the lost one). Its database ${url.database} is made there, or is there and empty; its login ${url.user} is made where it isn’t there. It is loaded and compared beside that name.`;
}

/** Beside its name, and how it is looked at in its place. Passwords are asked for. */
export function externalByHand(
  ask: DrAsk,
  cell: CellConfig,
  plan: RebuildPlan,
  { of }: RebuildStep,
  servers: NamedServers,
): readonly string[] {
  const { url, admin } = servers[of]!;
  const { point } = plan.stores.find(({ name }) => name === of)!;
  const { restorePointsDir, toolsDir } = cell.externalStores[of]!;
  const to = `${restorePointsDir}.by-hand`;
  const dump = word(join(to, point.id, 'dump'));
  const list = word(join(to, 'list'));
  const by = word(`${url.database}__by_hand`);
  const user = word(url.user);
  const program = (name: string): string => word(toolsDir === undefined ? name : join(toolsDir, name));
  return [
    'To look at it once it is done:',
    fenced(
      login(url),
      `${program('psql')} -d ${word(url.database)} -c 'select max(version), max(applied_at) from headgate.migration'`,
    ),
    'If the step doesn’t do it, beside its name:',
    fenced(
      `headgate-agent restore-points fetch --config ${word(ask.configFile)} --store ${of} --cell ${plan.cell} --id ${point.id}${identityOf(ask)} --to ${word(to)}`,
      login(admin),
      `${program('createuser')} --pwprompt ${user}`,
      `${program('createdb')} --owner=${user} --template=template0 --encoding=UTF8 ${by}`,
      `${program('psql')} -d ${by} -c ${word(`grant all on schema public to "${url.user}"`)}`,
      `${program('pg_restore')} --list ${dump} | grep -vE ' (COMMENT - EXTENSION|SCHEMA - public|ACL - SCHEMA public) ' > ${list}`,
      `${program('pg_restore')} --exit-on-error --no-owner --role=${user} --use-list=${list} --dbname=${by} ${dump}`,
    ),
    `\`createuser\` is for a login that isn’t there. An extension that only a superuser may make is made first: \`create extension …\` in ${url.database}__by_hand. What Headgate remembers of the store (its schema’s version) isn’t in the dump: the step alone brings that back.`,
  ];
}

/** Where the runbook is rendered the lost server may still be the one that is named. */
function login({ user, ssl, rootCertificate }: ConnectionUrl): string {
  const root = rootCertificate === undefined ? '' : ` PGSSLROOTCERT=${word(rootCertificate)}`;
  return `export PGHOST=NEW_SERVER PGPORT=5432 PGUSER=${word(user)} PGSSLMODE=${ssl}${root}`;
}
