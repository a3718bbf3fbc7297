/** For tests only: a cell whose store is put back in place, and the commands that do it, as the people type them who take part. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { withClient } from '@headgate/adapters/postgres-cluster/database';
import { findPostmaster } from '@headgate/adapters/postgres-cluster/postmaster';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { generateSigningKey, savePrivateKey } from '@headgate/documents';
import { recoverStore } from '../../commands/recover-store.ts';
import { type Elsewhere, type LostCell, lostCell } from '../../dr/testing/lost-cell.ts';
import { typed } from '../../testing/typed.ts';
import { applyKilledAt, approveInPlace, listedPerson } from './people.ts';

const SECRET = /the-payment-key|BEGIN PRIVATE KEY|correct horse/;
const ROWS = `select n, note from entry where n in (1, 2) or n >= 5000 order by n`;

export type Typed = Awaited<ReturnType<typeof typed>>;

export interface PlacedCell {
  readonly cell: LostCell;
  at(...path: string[]): string;
  asked(command: string, ...args: string[]): Promise<Typed>;
  rows(): Promise<Record<string, unknown>[]>;
  /** The store's clock, with nothing committed in the same millisecond. */
  now(): Promise<string>;
  /** Where a proposal of that name is written. */
  proposalFile(name: string): string;
  proposed(name: string, ...moment: string[]): Promise<Typed & { readonly to: string; readonly file: string }>;
  /** `headgate recover-store approve …`, on the approver's machine: the file of what was signed. */
  approve(file: string, by: string, key?: string): Promise<string>;
  /** What the router answers a tenant's customers. */
  answers(tenant: string): Promise<number>;
  /** Writes into a store that was brought back beside. */
  inCopy(to: string, sql: string): Promise<void>;
  /** `apply` as a program of its own, ended by kill -9 so long after it has said that, at the latest as its next stage begins. */
  killedAt(words: string, file: string, yes: string, afterMs?: number): Promise<void>;
  remove(): Promise<void>;
}

/** Sealed once, and let go of by its agent. */
export async function placedCell(elsewhere: Elsewhere = {}): Promise<PlacedCell> {
  const cell = await lostCell(elsewhere);
  const at = (...path: string[]): string => join(cell.dir, ...path);
  const beside: string[] = [];
  await writeFile(at('kept', 'trust.yaml'), trusted(await readFile(at('kept', 'trust.yaml'), 'utf8'), at));
  // The tokens under which the cell's steps were carried out, as its agent would have them.
  await mkdir(cell.dataDir, { recursive: true, mode: 0o700 });
  const marks = { epoch: 3, cells: { shared: { epoch: 3, n: 100 } }, plans: {} };
  await writeFile(join(cell.dataDir, 'high-water.json'), JSON.stringify(marks));
  const works = await readFile(cell.verificationFile, 'utf8');
  await writeFile(at('kept', 'here.json'), works.replace("'none'", "'https://payment.example.org'"));
  await cell.seal();
  await cell.release();
  const asked: PlacedCell['asked'] = (command, ...args) =>
    typed(recoverStore, [command, ...args, '--config', cell.agentFile], SECRET);
  const proposalFile = (name: string): string => at(`${name}.proposal`);
  const port = async (to: string): Promise<number> => (await findPostmaster(join(to, 'cluster', 'data')))?.port ?? 0;
  let signed = 0;
  return {
    ...{ cell, at, asked, proposalFile },
    rows: () => cell.query('main', ROWS),
    async now() {
      const [moment] = await cell.query(
        'main',
        `select to_char(clock_timestamp(), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at`,
      );
      await new Promise((done) => setTimeout(done, 5)); // a time has milliseconds, and commits don't wait for the next one
      return String(moment?.at);
    },
    async proposed(name, ...moment) {
      const to = at('machine', name);
      beside.push(to);
      const file = proposalFile(name);
      const what = ['--store', 'main', '--as', 'usr_maker', '--because', 'an import went wrong', '--to', to, '--out'];
      return { to, file, ...(await asked('propose', ...what, file, ...moment)) };
    },
    async approve(file, by, key = by) {
      // Nothing that was signed is written over.
      const yes = at(`yes-${by}-${++signed}.json`);
      await approveInPlace(file, by, at(`${key}.pem`), yes);
      return yes;
    },
    async answers(tenant) {
      const { listenPort } = cell.config.router;
      return (await fetch(`http://127.0.0.1:${listenPort}/t/${tenant}/work`)).status;
    },
    async inCopy(to, sql) {
      const password = (await readFile(join(to, 'cluster', 'password'), 'utf8')).trim();
      const copy = { host: '127.0.0.1', port: await port(to), user: 'postgres', password, database: 'app' };
      await withClient(copy, async (client) => void (await client.query(sql)));
    },
    killedAt: (words, file, yes, afterMs) =>
      applyKilledAt(words, { agentFile: cell.agentFile, file, yes, ...(afterMs !== undefined && { afterMs }) }),
    async remove() {
      for (const to of beside)
        await new Cluster({ dir: join(to, 'cluster'), port: 1 }, await findPrograms(15, cell.dir)).stop(0);
      await cell.remove();
    },
  };
}

function trusted(trust: string, at: (...path: string[]) => string): string {
  const listed = ['usr_maker', 'usr_run', 'usr_approver'].map((id) => listedPerson(id, at(`${id}.pem`)));
  savePrivateKey(at('stranger.pem'), generateSigningKey().privateKeyPem);
  return trust.replace('  log:', `${listed.join('')}  log:`);
}
