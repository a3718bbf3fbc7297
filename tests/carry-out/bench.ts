/** For tests only: the example's two real sides, the stable version at work on them, an agent as a process, and its commands. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ScriptedServer } from '@headgate/agent/testing/scripted-server';
import { type SealedPlan, sealedPlan } from '@headgate/agent/testing/sealed-plan';
import { generateSigningKey } from '@headgate/documents';
import { exampleDocuments } from '../../examples/psa/documents.ts';
import { EXAMPLE_CELLS } from '../../examples/psa/tenants.ts';
import { openStand, type Running, type Stand } from '../../examples/psa/testing/stand.ts';

const PACKAGES = path.join(import.meta.dirname, '..', '..', 'packages');
const DOCUMENT = exampleDocuments().find((each) => each.file.endsWith('reconciliation.yaml'))!;
export const PEOPLE = ['usr_ann', 'usr_bob', 'usr_run'] as const;

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export class Bench {
  readonly stand: Stand;
  readonly running: Running;
  readonly server: ScriptedServer;
  readonly sealed: SealedPlan;
  readonly tenants: readonly string[];
  #agent: ChildProcess | undefined;

  private constructor(stand: Stand, running: Running, server: ScriptedServer, sealed: SealedPlan, tenants: string[]) {
    this.stand = stand;
    this.running = running;
    this.server = server;
    this.sealed = sealed;
    this.tenants = tenants;
  }

  static async open(): Promise<Bench> {
    const cell = EXAMPLE_CELLS.find((each) => each.cell === 'shared')!;
    const stand = await openStand(cell.tenants, 400);
    const sealed = sealedPlan();
    const server = await ScriptedServer.start(sealed);
    const tenants = cell.tenants.map(({ id }) => id);
    const bench = new Bench(stand, await stand.start('1.0.0', 'blue'), server, sealed, tenants);
    await bench.#configure();
    return bench;
  }

  at(name: string): string {
    return path.join(this.stand.dir, name);
  }

  async #configure(): Promise<void> {
    const { stand, server, sealed } = this;
    const signers: string[] = [];
    for (const who of PEOPLE) {
      const { privateKeyPem, publicKeyPem } = generateSigningKey();
      await writeFile(this.at(`${who}.pem`), privateKeyPem, { mode: 0o600 });
      const pem = publicKeyPem.trim().split('\n').join('\n        ');
      signers.push(
        `    - name: ${who.replace('_', '-')}\n      may: [approval]\n      principal: ${who}\n      publicKey: |\n        ${pem}\n`,
      );
    }
    await writeFile(this.at('trust.yaml'), sealed.trustText.replace('  signers:\n', `  signers:\n${signers.join('')}`));
    await writeFile(this.at('token'), 'test-token\n', { mode: 0o600 });
    const { cluster, database, user } = stand.held as Stand['held'] & {
      readonly cluster: { readonly config: { readonly dir: string; readonly port: number } };
    };
    const cell = {
      ...{ cell: 'shared', environment: 'production', application: 'psa', dir: this.at('cell') },
      slots: { blue: { web: 20_001 }, green: { web: 20_002 } },
      stores: {
        store: {
          ...{ clusterDir: cluster.config.dir, port: cluster.config.port, database, user },
          passwordFile: stand.held.passwordFile,
          ...{ archiveDir: this.at('archive'), restorePointsDir: this.at('points') },
        },
      },
      tenants: Object.fromEntries(this.tenants.map((tenant) => [tenant, { store: 'store', ring: 'pilot' }])),
      router: { listenPort: 20_003, adminPort: 20_004, tokenFile: this.at('router-token') },
      ledger: { url: stand.erpUrl, tokenFile: stand.erpTokenFile },
    };
    const agent = {
      ...{ version: 1, server: server.url, name: 'agt_test', tokenFile: this.at('token'), dataDir: this.at('agent') },
      ...{ trustFile: this.at('trust.yaml'), environments: [{ name: 'production' }], cells: [cell] },
    };
    await writeFile(this.at('agent.yaml'), JSON.stringify(agent));
    await writeFile(this.at('invoices.yaml'), DOCUMENT.text);
  }

  /** Starts the agent; `harm` says what goes wrong with what a plan does. */
  async start(harm = ''): Promise<void> {
    const main = path.join(import.meta.dirname, 'agent-main.ts');
    const child = spawn(process.execPath, [main, this.at('agent.yaml')], {
      env: { ...process.env, HARM: harm, LEDGER_URL: this.stand.ledgerUrl },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#agent = child;
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', (code, signal) => reject(new Error(`the agent ended: ${code ?? signal}`)));
    });
  }

  /** Ends the agent, or sees to it that it has ended. */
  async stop(): Promise<void> {
    const child = this.#agent;
    this.#agent = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  /** `headgate-agent reconcile …`, as a person types it. */
  reconcile(...args: string[]): Promise<Ran> {
    const main = path.join(PACKAGES, 'agent', 'src', 'main.ts');
    return this.#ran(main, 'reconcile', 'invoices.yaml', '--config', 'agent.yaml', ...args);
  }

  /** `headgate …`, on an approver's machine: no server stands behind it. */
  headgate(...args: string[]): Promise<Ran> {
    return this.#ran(path.join(PACKAGES, 'cli', 'src', 'main.ts'), ...args);
  }

  #ran(main: string, ...args: string[]): Promise<Ran> {
    return new Promise((done) => {
      execFile(process.execPath, [main, ...args], { cwd: this.stand.dir }, (error, out, err) => {
        done({ code: error === null ? 0 : Number(error.code), out, err });
      });
    });
  }

  /** Has a plan of these tenants written; answers its file. */
  async plan(...tenants: string[]): Promise<string> {
    const file = `plan-${tenants.join('-')}-${Date.now()}.json`;
    const ran = await this.reconcile('--store', 'store', '--tenants', tenants.join(','), '--plan', file);
    if (ran.code !== 1) throw new Error(`${ran.code}: ${ran.out}${ran.err}`);
    return file;
  }

  async approve(plan: string, who: (typeof PEOPLE)[number], ...more: string[]): Promise<string> {
    const file = `${plan}.${who}.${Date.now()}.json`;
    const ran = await this.headgate(
      'reconcile',
      'approve',
      plan,
      '--key',
      `${who}.pem`,
      '--approver',
      who,
      '--out',
      file,
      '--yes',
      ...more,
    );
    if (ran.code !== 0) throw new Error(`${ran.code}: ${ran.out}${ran.err}`);
    return file;
  }

  carryOut(plan: string, approvals: readonly string[], ...more: string[]): Promise<Ran> {
    const all = approvals.flatMap((file) => ['--approval', file]);
    return this.reconcile('--carry-out', plan, ...all, '--as', 'usr_run', ...more);
  }

  /** A posted invoice of a tenant that nobody acknowledged; answers its key. */
  async unacknowledged(tenant: string, nth = 0): Promise<string> {
    const number = await this.#invoice(tenant, nth);
    await this.stand.store.query(
      `UPDATE invoice SET state = 'created', erp_reference = NULL, acknowledged_at = NULL WHERE tenant_id = $1 AND number = $2`,
      [tenant, number],
    );
    return `${tenant}/${number}`;
  }

  /** An invoice that was never posted, and for which there is no job any more. */
  async unposted(tenant: string, nth = 1): Promise<string> {
    const key = await this.unacknowledged(tenant, nth);
    await this.stand.ledger.query('DELETE FROM ledger_entry WHERE key = $1', [key]);
    await this.stand.store.query(
      `DELETE FROM job WHERE tenant_id = $1 AND kind = 'post-invoice' AND payload ->> 'invoice' = $2`,
      key.split('/'),
    );
    return key;
  }

  /** The ledger has an invoice again, under another key. */
  async doubled(tenant: string, nth = 2): Promise<string> {
    const key = `${tenant}/${await this.#invoice(tenant, nth)}`;
    const { rowCount } = await this.stand.ledger.query(
      `INSERT INTO ledger_entry (key, fingerprint, tenant, invoice, currency, net_cents, tax_cents, total_cents)
       SELECT key || '-again', fingerprint, tenant, invoice, currency, net_cents, tax_cents, total_cents
       FROM ledger_entry WHERE key = $1`,
      [key],
    );
    if (rowCount !== 1) throw new Error(`the ledger has no ${key}`);
    return `${key}-again`;
  }

  /** The two sides say different amounts, by a cent. */
  async apart(tenant: string, nth = 3): Promise<string> {
    const key = `${tenant}/${await this.#invoice(tenant, nth)}`;
    await this.stand.ledger.query(
      'UPDATE ledger_entry SET net_cents = net_cents + 1, total_cents = total_cents + 1 WHERE key = $1',
      [key],
    );
    return key;
  }

  async #invoice(tenant: string, nth: number): Promise<string> {
    const { rows } = await this.stand.store.query(
      `SELECT number::text AS number FROM invoice WHERE tenant_id = $1 AND state = 'acknowledged' ORDER BY number OFFSET $2 LIMIT 1`,
      [tenant, nth],
    );
    return rows[0]!.number;
  }

  async entries(key: string): Promise<number> {
    const { rowCount } = await this.stand.ledger.query('SELECT 1 FROM ledger_entry WHERE key = $1', [key]);
    return rowCount ?? 0;
  }

  async stateOf(key: string): Promise<string> {
    const { rows } = await this.stand.store.query(
      'SELECT state FROM invoice WHERE tenant_id = $1 AND number = $2',
      key.split('/'),
    );
    return rows[0]!.state;
  }

  /** The store's fence for the cell. */
  async fence(): Promise<unknown> {
    const { rows } = await this.stand.admin.query(
      `SELECT epoch::int, n::int FROM headgate.fence WHERE scope = 'cell:shared'`,
    );
    return rows[0];
  }

  async statementsTold(): Promise<readonly Record<string, unknown>[]> {
    return this.server.reconciled.map((bundle) => {
      const { payload } = (bundle as { dsseEnvelope: { payload: string } }).dsseEnvelope;
      return JSON.parse(Buffer.from(payload, 'base64').toString('utf8')).predicate;
    });
  }

  async json(file: string): Promise<Record<string, never>> {
    return JSON.parse(await readFile(this.at(file), 'utf8'));
  }

  async close(): Promise<void> {
    await this.stop();
    await this.server.stop();
    await rm(this.at('agent'), { recursive: true, force: true });
    await this.stand.close();
  }
}
