/** For tests only: a cell of two tenants whose PostgreSQL's log goes to a real pgBackRest, an agent's files that name it, and customers who sell. */
import { createHash, randomUUID } from 'node:crypto';
import { chown, mkdir, mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backUpServer, type LoggedServer, loggedServer } from '@headgate/adapters/execution/odoo/server-log';
import { openPgBackRest } from '@headgate/adapters/execution/pgbackrest/pgbackrest-store';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { listedPerson } from '@headgate/agent/recover-store/testing/people';
import { generateNoteKey, generateSigningKey } from '@headgate/documents';
import { BroughtUpCell } from '../bring-up/cell.ts';
import type { ExampleCell } from '../bring-up/example-cells.ts';
import { cellConfigOf, openLayout } from '../bring-up/layout.ts';
import { BASELINE, odooRelease } from '../build.ts';
import { postInvoice } from '../demo/tenant-state.ts';
import { callOdoo } from '../load/odoo-client.ts';
import { odooParts } from '../parts/index.ts';

const ERP: ExampleCell = {
  ...{ cell: 'erp', environment: 'production' },
  tenants: ['aspen', 'birch'].map((id) => ({
    id,
    ring: 'canary',
    name: id,
    referencePattern: '{year}-{month}/{project}',
  })),
};
const PEOPLE = ['usr_maker', 'usr_run', 'usr_approver'] as const;

/** What a tenant's customer did. */
export interface Sold {
  readonly number: string;
  /** Its text, the number of its attachment, and the file in the filestore that has it. */
  readonly contract: string;
  readonly attachment: number;
  readonly file: string;
}

export interface LoggedOdoo {
  readonly dir: string;
  readonly agentFile: string;
  readonly agentDir: string;
  readonly cell: BroughtUpCell;
  readonly server: LoggedServer;
  readonly bounds: { readonly deadlineMs: number; readonly signal: AbortSignal };
  /** Where a person's own key lies, of those in the trust file: `usr_maker`, `usr_run`, `usr_approver`. */
  keyOf(person: (typeof PEOPLE)[number]): string;
  call<T>(tenant: string, model: string, method: string, body: unknown): Promise<T>;
  /** An invoice that is posted, and the contract that is attached to it, as a customer does it. */
  sell(tenant: string): Promise<Sold>;
  query(tenant: string, sql: string): Promise<Record<string, unknown>[]>;
  /** A moment after all that was committed, and before all that will be. */
  now(): Promise<string>;
  remove(): Promise<void>;
}

/** Brings it up, and takes the first backup. */
export async function loggedOdoo(): Promise<LoggedOdoo> {
  const parts = await odooParts();
  const dir = await mkdtemp(join(tmpdir(), 'headgate-odoo-moment-'));
  const at = (...path: string[]): string => join(dir, ...path);
  const bounds = { deadlineMs: 240_000, signal: new AbortController().signal };
  const layout = await openLayout(dir, [ERP]);
  const input = cellConfigOf(layout, ERP, parts);
  const repository = join(layout.root, 'repository');
  await mkdir(repository);
  const passphraseFile = join(layout.root, 'secrets', 'passphrase');
  await writeFile(passphraseFile, 'correct horse battery staple\n', { mode: 0o600 });
  const cell = new BroughtUpCell(ERP, {
    ...input,
    postgresql: {
      ...input.postgresql,
      pgbackrest: { stanza: 'erp', repository: { kind: 'folder', dir: repository }, passphraseFile },
    },
  });
  const { user, dataDir } = cell.stores.odoo;
  if (user) await chown(repository, user.uid, user.gid);
  await cell.bringUp(await odooRelease(BASELINE), parts.odoo.sha256);
  const call: LoggedOdoo['call'] = async (tenant, model, method, body) => {
    const keys = JSON.parse(await readFile(cell.tokensFile, 'utf8')) as Record<string, string>;
    const place = { url: cell.url, host: cell.host(tenant), key: keys[tenant]!, timeLimitMs: bounds.deadlineMs };
    return callOdoo(place, model, method, body);
  };
  // With its first request Odoo loads a tenant's modules.
  for (const { id } of ERP.tenants) await call(id, 'res.users', 'search', { domain: [] });
  const server = loggedServer(cell.config, cell.stores.cluster)!;
  await backUpServer(server, await openPgBackRest(server), bounds);
  const keyOf: LoggedOdoo['keyOf'] = (person) => at(`${person}.pem`);
  await writeFile(at('token'), 'test-token\n', { mode: 0o600 });
  await writeFile(at('trust.yaml'), trustText(keyOf));
  await writeFile(
    at('agent.yaml'),
    `server: http://127.0.0.1:1
name: agt_test
tokenFile: ${at('token')}
dataDir: ${at('agent')}
trustFile: ${at('trust.yaml')}
environments: [{name: production}]
cellFiles: [${cell.configFile}]
`,
  );
  // The tokens under which the cell's steps were carried out, as its agent would have them.
  await mkdir(at('agent'), { mode: 0o700 });
  const marks = { epoch: 1, cells: { erp: { epoch: 1, n: 1_000 } }, plans: {} };
  await writeFile(at('agent', 'high-water.json'), JSON.stringify(marks));
  const query: LoggedOdoo['query'] = async (tenant, sql) =>
    withClient(await cell.stores.cluster.connection(tenant), async (client) => (await client.query(sql)).rows);
  return {
    ...{ dir, agentFile: at('agent.yaml'), agentDir: at('agent'), cell, server, bounds, keyOf, call, query },
    async sell(tenant) {
      const number = await postInvoice(cell, tenant);
      // A number that was taken back is given again, and its contract isn't the one that it had.
      const contract = `contract ${randomUUID()} of ${number}, ${'clause '.repeat(500)}`;
      const [attachment] = await call<number[]>(tenant, 'ir.attachment', 'create', {
        vals_list: [{ name: `contract ${number}`, datas: Buffer.from(contract).toString('base64') }],
      });
      const sha1 = createHash('sha1').update(contract).digest('hex');
      return { number, contract, attachment: attachment!, file: `${sha1.slice(0, 2)}/${sha1}` };
    },
    async now() {
      const [row] = await query(
        'aspen',
        `select to_char(clock_timestamp() at time zone 'utc' + interval '1 ms', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, pg_sleep(0.01)`,
      );
      return String(row?.at);
    },
    async remove() {
      await cell.stop();
      const home = await readlink(at('system')).catch(() => undefined);
      if (home !== undefined) await rm(home, { recursive: true, force: true });
      await rm(dataDir, { recursive: true, force: true });
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** What the agent believes: a key that nobody uses here, and people who may propose, approve and apply. */
function trustText(keyOf: LoggedOdoo['keyOf']): string {
  const people = PEOPLE.map((id) => listedPerson(id, keyOf(id)));
  return `apiVersion: headgate/v1
kind: Trust
metadata: {name: test, owner: security}
spec:
  signers:
    - {name: ci, may: [release], publicKey: ${JSON.stringify(generateSigningKey().publicKeyPem)}}
${people.join('')}  log:
    origin: example.com/log
    keys: ["${generateNoteKey('example.com/log', 'tree-head').verifierKey}"]
`;
}
