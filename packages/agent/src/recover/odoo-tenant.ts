/** A tenant of an Odoo cell brought back beside itself to a moment, and what is said of it. */
import { join } from 'node:path';
import { openObjectStore } from '@headgate/adapters/execution/object-store/open-object-store';
import { type BroughtTenant, bringTenant, notLogged } from '@headgate/adapters/execution/odoo/moment/bring-tenant';
import type { TenantDifference } from '@headgate/adapters/execution/odoo/moment/difference';
import type { FilesVault } from '@headgate/adapters/execution/odoo/moment/vault-files';
import type { OdooCellConfig } from '@headgate/adapters/execution/odoo/odoo-cell-config';
import { plainText } from '@headgate/adapters/execution/store/plain-text';
import { readIdentities } from '@headgate/adapters/execution/vault/read-identities';
import { ownSigners } from '@headgate/adapters/execution/vault/vault-key';
import type { ProposedTable } from '@headgate/domain';
import { bytesText } from '@headgate/domain/standby/standby';
import { type Answer, denied } from '@headgate/execution';
import { noteRecovered } from '../recover-tenant/recovered-file.ts';
import { type BringAsk, DEADLINE_MS, momentWords } from './bring-beside.ts';

export interface OdooAsk extends Omit<BringAsk, 'cell' | 'reachedAt'> {
  readonly cell: OdooCellConfig;
  readonly lacking: number | undefined;
  readonly compare: boolean;
}

/** So many names of files are told to a person. */
const MOST_TOLD = 20;

/** Brings it, and leaves a note in its folder of what it is. */
export async function bringOdooTenant(ask: OdooAsk): Promise<Answer<BroughtTenant>> {
  const { cell: config, store, moment, to, id, lacking, compare, signal, say } = ask;
  if (!Object.hasOwn(config.stores, store))
    return denied('rejected', `${config.cell} has no store ${store}: it has ${Object.keys(config.stores).join(', ')}`);
  if (config.postgresql.pgbackrest === undefined)
    return denied('rejected', `${notLogged(config.cell)}. ${today(store)}`);
  const brought = await bringTenant({
    ...{ config, store, moment, to, id, lacking, compare, signal, say },
    ...{ vault: await vaultOf(ask), deadlineMs: DEADLINE_MS },
  });
  if (!brought.ok) return brought;
  const { point, lastCommitAt } = brought.value;
  await noteRecovered(to, {
    ...{ environment: config.environment, cell: config.cell, store, moment: momentWords(moment), point },
    ...(lastCommitAt !== undefined && { lastCommitAt }),
  });
  return brought;
}

function today(store: string): string {
  return `Until then a restore point is what there is: headgate-agent restore-points fetch --config FILE --store ${store} --identity FILE lays out its dump and its files`;
}

/** Opened where somebody named what opens it: most files are on this machine, and nothing of it is asked then. */
async function vaultOf({ cell, store, trust, identityFile }: OdooAsk): Promise<FilesVault | string> {
  const { environment, vault } = cell;
  if (vault === undefined)
    return 'a vault of the cell, whose restore points keep files that Odoo has removed since; a backup of yours of the filestore: put them into the live one';
  const identities = identityFile ?? vault.drill?.identityFile;
  if (identities === undefined)
    return '--identity FILE, which opens restore points in the vault that may have them; a backup of yours of the filestore: put them into the live one';
  return {
    objects: await openObjectStore(vault.store),
    of: { environment, cell: cell.cell, store },
    trust: { signers: [...(await ownSigners(vault.keyFile)), ...trust.signers] },
    identities: await readIdentities(identities),
  };
}

export function odooJson({
  cluster,
  point,
  reachedAt,
  lastCommitAt,
  database,
  version,
  files,
  difference,
}: BroughtTenant) {
  const { port } = cluster.config;
  return {
    ...{ port, database, passwordFile: cluster.passwordFile, dir: cluster.dir, point, reachedAt, lastCommitAt },
    ...{ version, filestore: files, difference },
  };
}

export function odooLines(
  { cluster, point, reachedAt, lastCommitAt, database, version, files, difference }: BroughtTenant,
  { cell, store, to }: Pick<OdooAsk, 'cell' | 'store' | 'to'>,
): readonly string[] {
  const last =
    lastCommitAt === undefined
      ? 'nothing was committed since it was taken'
      : `last commit in it, of any tenant, ${new Date(lastCommitAt).toISOString()}`;
  const from = Object.entries(files.from).map(([what, count]) => `${count.toLocaleString('en-US')} from ${what}`);
  const { user } = cluster.programs;
  return [
    `The store ${store} of ${cell.cell} is back beside itself, database and files: from the backup ${point} and the log since, ${last}.`,
    reachedAt === undefined
      ? 'Nobody knows here up to when the log lies in the repository: what is in none of its pieces isn’t there.'
      : `The log in the repository goes up to ${new Date(reachedAt).toISOString()}.`,
    `modules    ${version.kind === 'at' ? `as schema ${version.version} has them` : `NOT as a release of this cell has them: ${version.kind === 'drifted' ? version.why.join('; ') : 'an upgrade was under way'}`}`,
    `files      ${files.files.toLocaleString('en-US')}, ${bytesText(files.bytes)}: each is there, and is what its row says (SHA-1, size); ${from.join(', ') || 'no row names one'}`,
    ...told('NOT RIGHT', files.otherwise),
    ...told('LACKING', files.lacking),
    ...(difference === undefined ? [] : differenceLines(difference)),
    'Only this tenant’s database was kept; nothing of what serves was touched.',
    `  look   PGPASSWORD=$(cat ${cluster.passwordFile}) psql -h 127.0.0.1 -p ${cluster.config.port} -U postgres ${database}`,
    `  files  ${files.dir}, by the names in ir_attachment.store_fname`,
    `  end    ${join(cluster.programs.bin, 'pg_ctl')} -D ${cluster.data} stop${user === undefined ? '' : ` (as ${user.name})`}; then remove ${to}`,
  ];
}

/** All counts, and the tables that a person can read at once; the rest stands in --json. */
function differenceLines({ tables, byItself, same }: TenantDifference): readonly string[] {
  const lost = tables.reduce((sum, each) => sum + each.lost, 0);
  const back = tables.reduce((sum, each) => sum + each.back, 0);
  return [
    `difference ${lost.toLocaleString('en-US')} rows of now aren’t there then, ${back.toLocaleString('en-US')} of then aren’t there now (one that changed counts as both); ${same} tables the same`,
    ...tableLines(tables),
    ...(byItself.length === 0
      ? []
      : ['  and of what Odoo writes by itself, while nobody works:', ...tableLines(byItself)]),
  ];
}

const MOST_TABLES = 50;

function tableLines(tables: readonly ProposedTable[]): readonly string[] {
  const count = (rows: number): string => rows.toLocaleString('en-US');
  const side = (rows: number | undefined): string =>
    rows === undefined ? 'no table' : `${count(rows)} ${rows === 1 ? 'row' : 'rows'}`;
  const lines = tables
    .slice(0, MOST_TABLES)
    .map(
      ({ table, rowsNow, rowsThen, lost, back }) =>
        `  ${plainText(table, 200)}: ${side(rowsNow)} → ${side(rowsThen)}; ${count(lost)} lost or otherwise, ${count(back)} back`,
    );
  return tables.length > MOST_TABLES ? [...lines, `  and ${tables.length - MOST_TABLES} more tables`] : lines;
}

function told(what: string, files: BroughtTenant['files']['lacking']): readonly string[] {
  const lines = files.slice(0, MOST_TOLD).map(({ name, why }) => `${what.padEnd(9)}  ${name}: ${why}`);
  return files.length > MOST_TOLD ? [...lines, `${what.padEnd(9)}  and ${files.length - MOST_TOLD} more`] : lines;
}
