/** For tests only: a cell whose application writes invoices into the shop's database, and releases of it. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOfJson } from '@headgate/documents/digest';
import { type VerificationContent, verification } from '@headgate/documents/kinds/verification';
import type { Digest, ReleaseManifest } from '@headgate/domain';
import { freePorts } from '../../../../machine/free-port.ts';
import type { RunAs } from '../../../../machine/run-as.ts';
import { type CellConfig, parseCellConfig } from '../../../cell-config.ts';
import { erpProgram } from '../../../command-migrator/testing/erp-program.ts';
import { materialise } from '../../../process/slot-files.ts';
import { beginSlot, slotDir, writePhase } from '../../../process/slot-record.ts';
import type { ShopStore } from '../../testing/shop.ts';
import type { ReleaseWithFiles } from '../serving-releases.ts';

/** Invoices keep their note in this column; the driver is found where PG_HOME says. */
const web = (column: string): string => `
import http from 'node:http';
import { createRequire } from 'node:module';
const pg = createRequire(process.env.PG_HOME + '/x.js')('pg');
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
pool.on('error', () => {});
const answer = async (request, body) => {
  const { url, method, headers } = request;
  if (url === '/health') return [200, {}];
  const tenant = url.split('/')[2];
  if (headers.authorization !== 'Bearer token-of-' + tenant) return [401, {}];
  if (url.endsWith('/variables')) return [200, { names: Object.keys(process.env).sort().join(' ') }];
  if (method === 'POST') {
    const { rows } = await pool.query('insert into invoice(id, customer_id, total, ${column}) values ((random() * 1e9)::int + 1000000, 1, $1, $2) returning id::int', [body.total, tenant]);
    return [201, rows[0]];
  }
  const { rows } = await pool.query('select total::float8, ${column} as note from invoice where id = $1', [url.split('/')[4]]);
  return [200, rows[0]];
};
http.createServer((request, response) => {
  let text = '';
  request.on('data', (chunk) => { text += chunk; });
  request.on('end', () => answer(request, text === '' ? {} : JSON.parse(text)).catch((error) => { console.log(error.message); return [500, {}]; }).then(([status, json]) => {
    response.writeHead(status, { 'content-type': 'application/json', 'x-slot': process.env.SLOT });
    response.end(JSON.stringify(json));
  }));
}).listen(Number(process.env.PORT), process.env.HOST);
`;
/** A worker that would take up jobs: it says in the database that it ran. */
const WORKER = `
import { createRequire } from 'node:module';
const pg = createRequire(process.env.PG_HOME + '/x.js')('pg');
const client = new pg.Client(process.env.DATABASE_URL);
await client.connect();
await client.query('create table worked(at timestamptz default now())');
setInterval(() => {}, 1000);
`;

/** A release of the shop whose web component keeps notes in a column; `source`: another one in its place. */
export function shopRelease(
  version: string,
  column: string,
  more: { readonly source?: string; readonly schemaRange?: ReleaseManifest['schemaRange'] } = {},
): ReleaseWithFiles {
  const files = new Map<Digest, Uint8Array>();
  const file = (name: string, text: string) => {
    const bytes = Buffer.from(text);
    const digest: Digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    files.set(digest, bytes);
    return { name, digest, size: bytes.length };
  };
  const component = (name: string, role: 'web' | 'worker', text: string) => ({
    ...{ name, role, recovery: 'stateless' as const, files: [file(`${name}.mjs`, text)] },
    command: ['${node}', `\${dir}/${name}.mjs`],
    ...(role === 'web' ? { healthPath: '/health' } : {}),
  });
  const manifest: ReleaseManifest = {
    ...{ apiVersion: 'headgate/v1', kind: 'Release', application: 'shop', version, authors: ['usr_author'] },
    components: [component('web', 'web', more.source ?? web(column)), component('worker', 'worker', WORKER)],
    schemaRange: more.schemaRange ?? { min: 0, max: 1 },
    ...{ migrations: [], configuration: {}, rollbackConditions: [], notes: '', origin: 'built' },
  };
  return {
    ref: { digest: digestOfJson(manifest), version },
    manifest,
    async file(digest) {
      const bytes = files.get(digest);
      if (bytes === undefined) throw new Error(`no file ${digest}`);
      return bytes;
    },
  };
}

/** The cell, its folder below `dir`. `rehearsal`: more of what it says of one. */
export async function shopCell(
  shop: ShopStore,
  dir: string,
  user: RunAs | undefined,
  rehearsal: object | undefined,
): Promise<CellConfig> {
  await erpProgram(dir, user);
  const tokens = join(dir, 'tokens.json');
  await writeFile(tokens, JSON.stringify({ acme: 'token-of-acme', umbra: 'token-of-umbra' }), { mode: 0o600 });
  const secret = join(dir, 'payment-key');
  await writeFile(secret, 'the-payment-key\n', { mode: 0o600 });
  const [a, b, c, d] = await freePorts(4);
  return parseCellConfig({
    ...{ cell: 'shared', environment: 'production', application: 'shop', dir: join(dir, 'cell') },
    slots: { blue: { web: a, worker: 0 }, green: { web: b, worker: 0 } },
    env: { PAYMENT_URL: 'https://payment.example.org', LANGUAGE: 'de' },
    secretEnv: { PAYMENT_KEY: secret },
    secretFiles: { PAYMENT_FILE: secret },
    storeEnv: { DATABASE_URL: 'main', SECOND_URL: 'second' },
    externalStores: Object.fromEntries(
      ['main', 'second'].map((name) => [
        name,
        {
          url: { file: shop.files.url },
          adminUrl: { file: shop.files.adminUrl },
          restorePointsDir: shop.store.restorePointsDir,
        },
      ]),
    ),
    tenants: {
      acme: { store: 'main', ring: 'pilot' },
      umbra: { store: 'main', ring: 'broad' },
      elsewhere: { store: 'second', ring: 'broad' },
    },
    router: { listenPort: c, adminPort: d, tokenFile: join(dir, 'router-token') },
    tenantTokensFile: tokens,
    ...(rehearsal === undefined
      ? {}
      : { rehearsal: { env: { PG_HOME: join(dir, 'erp') }, startMs: 120_000, ...rehearsal } }),
  });
}

/** What an agent leaves of a release that serves in a slot. */
export async function serve(
  config: CellConfig,
  slot: string,
  { ref, manifest, file }: ReleaseWithFiles,
): Promise<void> {
  const dir = slotDir(config.dir, slot);
  await mkdir(dir, { recursive: true, mode: 0o755 });
  await beginSlot(dir, ref, manifest);
  await materialise(dir, manifest.components, file);
  await writePhase(dir, ref, 'running');
}

/** An invoice is written and read. `more`: further steps of it. */
export function billing(more: readonly object[] = []): {
  readonly name: string;
  readonly digest: Digest;
  readonly content: VerificationContent;
} {
  const content = verification.document.parse({
    ...{ apiVersion: 'headgate/v1', kind: 'Verification', metadata: { name: 'billing', owner: 'team' } },
    spec: {
      workflows: [
        {
          workflowId: 'bill',
          steps: [
            {
              stepId: 'post',
              request: { method: 'POST', path: '/t/{$inputs.tenant}/invoices', body: { total: 12 } },
              successCriteria: [
                { condition: '$statusCode == 201' },
                { condition: '$response.header.x-slot == $inputs.slot' },
              ],
              outputs: { id: '$response.body#/id' },
            },
            {
              stepId: 'read',
              request: { method: 'GET', path: '/t/{$inputs.tenant}/invoices/{$steps.post.outputs.id}' },
              successCriteria: [{ condition: '$response.body#/note == $inputs.tenant' }],
            },
            ...more,
          ],
        },
      ],
    },
  }) as VerificationContent;
  return { name: 'billing', digest: digestOfJson(content), content };
}
