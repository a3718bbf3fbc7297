import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { installedModules } from '@headgate/adapters/execution/odoo/index';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import type { BroughtUpCell } from '../bring-up/cell.ts';
import { MODULE } from '../build.ts';
import { callOdoo } from '../load/odoo-client.ts';

/** How a tenant stands, read at the target: its database, and Odoo's own API through the router, as a customer. */
export interface TenantState {
  /** What a restore changes: it puts another database in the place of the one that was. */
  readonly databaseOid: number;
  /** Of our module, by the database's own records. */
  readonly moduleVersion: string | undefined;
  /** Of our module, by the code that answers. */
  readonly codeVersion: string;
  /** SHA-256 of what the API serves of each attachment, by name. */
  readonly attachments: Readonly<Record<string, string>>;
}

/** Reads how a tenant stands. It must be open. */
export async function tenantState(cell: BroughtUpCell, tenant: string): Promise<TenantState> {
  const { stores } = cell;
  const to = await customerOf(cell, tenant);
  const { code } = await callOdoo<{ code: string }>(to, 'project.project', 'ps_versions', {});
  const files = await callOdoo<{ name: string; datas: string }[]>(to, 'ir.attachment', 'search_read', {
    domain: [['name', '=like', 'contract-%']],
    fields: ['name', 'datas'],
    order: 'name',
  });
  const oid = await withClient(await stores.cluster.connection(), async (client) => {
    const { rows } = await client.query('select oid::int8::int as oid from pg_database where datname = $1', [tenant]);
    return rows[0].oid as number;
  });
  return {
    databaseOid: oid,
    moduleVersion: (await installedModules(stores, tenant)).get(MODULE)?.version,
    codeVersion: code,
    attachments: Object.fromEntries(files.map(({ name, datas }) => [name, sha256(Buffer.from(datas, 'base64'))])),
  };
}

/** Makes and posts an invoice of a tenant's project, as a customer; answers its number. */
export async function postInvoice(cell: BroughtUpCell, tenant: string): Promise<string> {
  const to = await customerOf(cell, tenant);
  const [project] = await callOdoo<{ id: number; partner_id: [number, string] }[]>(
    to,
    'project.project',
    'search_read',
    { domain: [['name', '=', 'Project 1']], fields: ['partner_id'] },
  );
  if (project === undefined) throw new Error(`${tenant} has no Project 1`);
  const [invoice] = await callOdoo<number[]>(to, 'account.move', 'create', {
    vals_list: [
      {
        move_type: 'out_invoice',
        partner_id: project.partner_id[0],
        ps_project_id: project.id,
        invoice_line_ids: [[0, 0, { name: 'Work', quantity: 1, price_unit: 100 }]],
      },
    ],
  });
  await callOdoo(to, 'account.move', 'action_post', { ids: [invoice] });
  const [posted] = await callOdoo<{ name: string; state: string }[]>(to, 'account.move', 'read', {
    ids: [invoice],
    fields: ['name', 'state'],
  });
  if (posted?.state !== 'posted') throw new Error(`the invoice of ${tenant} is ${posted?.state}, not posted`);
  return posted.name;
}

/** What is wrong with a tenant's invoice numbers, in words: gaps and doubles within a sequence; empty: nothing. */
export async function numbersWrong(cell: BroughtUpCell, tenant: string): Promise<readonly string[]> {
  return withClient(await cell.stores.cluster.connection(tenant), async (client) => {
    const { rows } = await client.query<{ prefix: string; n: number; least: number; most: number; differing: number }>(
      `select m.sequence_prefix as prefix, count(*)::int as n, min(m.sequence_number) as least,
              max(m.sequence_number) as most, count(distinct m.sequence_number)::int as differing
       from public.account_move m join public.account_journal j on j.id = m.journal_id
       where j.code = 'INV' and m.state = 'posted' group by 1`,
    );
    if (rows.length === 0) return [`${tenant} has no posted invoice`];
    return rows.flatMap(({ prefix, n, least, most, differing }) => [
      ...(differing < n ? [`${tenant}: ${n - differing} numbers of ${prefix} are there twice`] : []),
      ...(most - least + 1 > differing ? [`${tenant}: ${most - least + 1 - differing} numbers of ${prefix} miss`] : []),
    ]);
  });
}

async function customerOf(cell: BroughtUpCell, tenant: string): Promise<Parameters<typeof callOdoo>[0]> {
  const keys = JSON.parse(await readFile(cell.tokensFile, 'utf8')) as Record<string, string>;
  return { url: cell.url, host: cell.host(tenant), key: keys[tenant]!, timeLimitMs: 30_000 };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
