/** Stores on somebody else's servers: what a person gives for them, what of it isn't there, and what stands in their way in a new place. */
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import {
  type ConnectionUrl,
  readConnectionUrl,
  type UrlSource,
} from '@headgate/adapters/execution/external-store/connection-url';
import type { ExternalStoreConfig } from '@headgate/adapters/execution/external-store/external-store';
import { findTools } from '@headgate/adapters/execution/external-store/postgres-tools';
import { majorForExercise } from '@headgate/adapters/execution/rebuild/exercise-server';
import type { DumpWants } from '@headgate/adapters/execution/rebuild/point-to-rebuild';
import { addressOf, lookAtServer, whatStandsInTheWay } from '@headgate/adapters/execution/rebuild/server-of-new-place';
import type { RebuildPlan, Refusal } from '@headgate/domain';
import { type CellToRebuild, lacks } from './cell-to-rebuild.ts';
import type { Gathered } from './facts.ts';
import type { RebuildRecord } from './place.ts';

type Dumps = Gathered['dumps'];

/** What a person gives before the store comes back, each in words. */
export async function givenFor(
  store: string,
  { url, adminUrl, toolsDir }: ExternalStoreConfig,
  { major, toolsMajor, roles, extensions }: DumpWants,
): Promise<readonly string[]> {
  const known = await readConnectionUrl(url).catch(() => undefined);
  const where = known === undefined ? '' : `; ${sourceText(url)} names ${named(known)} now`;
  return [
    `a PostgreSQL ${major} or later that isn’t the lost one, with no database of the store’s name or an empty one: by a login of its own (externalStores.${store}.url) and a superuser’s (adminUrl, in ${sourceText(adminUrl)})${where}`,
    `on this machine pg_restore of PostgreSQL ${toolsMajor} or later, and of the server’s version or later${toolsDir === undefined ? '' : ` (in ${toolsDir})`}`,
    ...(roles.length === 0 ? [] : [`on that server the roles that rights in it name: ${roles.join(', ')}`]),
    ...(extensions.length === 0 ? [] : [`on that server the extensions ${extensions.join(', ')}`]),
  ];
}

function sourceText(source: UrlSource): string {
  return 'file' in source ? source.file : `the variable ${source.variable}`;
}

function named(url: ConnectionUrl): string {
  return `${url.database} on ${addressOf(url)}, as ${url.user}`;
}

/** URLs that aren't there or aren't any, two stores with one database, and no program that reads a dump. */
export async function externalLacking(cell: CellToRebuild, dumps: Dumps): Promise<readonly Refusal[]> {
  if (cell.kind === 'odoo') return [];
  const found: Refusal[] = [];
  const databases = new Map<string, string>();
  for (const [name, { url, adminUrl, toolsDir }] of Object.entries(cell.externalStores)) {
    const key = `externalStores.${name}`;
    for (const [part, source] of [
      ['url', url],
      ['adminUrl', adminUrl],
    ] as const) {
      const read = await readConnectionUrl(source).catch((error: NodeJS.ErrnoException) => error);
      if (read instanceof Error) {
        const why = 'code' in read && read.code === 'ENOENT' ? `${sourceText(source)} isn’t there` : read.message;
        found.push(
          lacks(cell, `${key}.${part}`, why, 'write the connection URL of the new place’s server there, mode 0600'),
        );
        continue;
      }
      if (part === 'adminUrl') continue;
      const place = `${addressOf(read)}/${read.database}`;
      const other = databases.get(place);
      databases.set(place, name);
      if (other !== undefined)
        found.push(
          lacks(cell, `${key}.url`, `${place} is the database of the store ${other}, too`, 'name one for each'),
        );
    }
    const wants = dumps.get(name);
    if (wants !== undefined && (await findTools(wants.toolsMajor, toolsDir)) === undefined)
      found.push(
        lacks(
          cell,
          `${key}.toolsDir`,
          `no pg_restore of PostgreSQL ${wants.toolsMajor} or later is on this machine`,
          `install postgresql-client-${wants.toolsMajor}, or name its folder in toolsDir`,
        ),
      );
  }
  return found;
}

/** What stands in the way on the servers of the new place, of stores that no earlier attempt was about to put there. */
export async function serversInTheWay(
  cell: CellToRebuild,
  { stores }: Pick<RebuildPlan, 'stores'>,
  dumps: Dumps,
  record: RebuildRecord | undefined,
): Promise<readonly Refusal[]> {
  const found: Refusal[] = [];
  for (const { name } of stores) {
    const wants = dumps.get(name);
    if (wants === undefined || cell.kind === 'odoo' || record?.done[`store/${name}`] !== undefined) continue;
    const server = await lookAtServer(cell.externalStores[name]!, wants);
    for (const { where, why, unblock } of whatStandsInTheWay(server, wants, cell.cell, `externalStores.${name}`))
      found.push({ code: 'rebuild-place', what: `rebuild ${cell.cell}`, where, why, unblock });
  }
  return found;
}

/** Stores of which no exercise brings a PostgreSQL along. */
export function tooNewToExercise(cell: CellConfig, dumps: Dumps): readonly Refusal[] {
  return [...dumps].flatMap(([name, { major }]) =>
    majorForExercise(major) === undefined
      ? [
          lacks(
            cell,
            `store ${name}`,
            `its dump is of PostgreSQL ${major}, and exercises bring along 15 and 18`,
            'rebuild it on a server of its own: dr rebuild takes any',
          ),
        ]
      : [],
  );
}
