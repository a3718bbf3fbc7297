/** For tests only: a store that tenants share, the same as it was at a moment, recovered beside it by `recover`, and people who may say yes. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DrilledWorld, drilledWorld } from '@headgate/adapters/execution/drill/testing/drilled-world';
import { Cluster } from '@headgate/adapters/postgres-cluster/cluster';
import { findPrograms } from '@headgate/adapters/postgres-cluster/programs';
import { generateSigningKey, savePrivateKey } from '@headgate/documents';
import { recover } from '../commands/recover.ts';
import { recoverTenant } from '../commands/recover-tenant.ts';
import { sealedPlan, trustText } from './sealed-plan.ts';
import { type Typed, typed } from './typed.ts';

export interface TenantsAsk {
  /** What the cell's configuration says beside the rest. */
  readonly cell?: Readonly<Record<string, unknown>>;
  /** The tables, and rows that a restore point has; written after it; what happens after the moment that is gone back to. */
  readonly tables: string;
  readonly before: string;
  readonly after: string;
}

export interface RecoveredTenants {
  readonly world: DrilledWorld;
  /** The agent's. */
  readonly dir: string;
  /** Where the store is as it was. */
  readonly recovered: string;
  asked(command: string, ...args: string[]): Promise<Typed>;
  compared(...args: string[]): Promise<Typed>;
  /** `headgate recover-tenant approve …`, on the approver's machine. */
  approve(file: string, key: string, by: string, out: string, ...more: string[]): Promise<Typed>;
  close(): Promise<void>;
}

export async function recoveredTenants(ask: TenantsAsk): Promise<RecoveredTenants> {
  const world = await drilledWorld();
  const dir = join(world.real.dir, 'agent');
  const recovered = join(world.real.dir, 'brought-back');
  const close = async (): Promise<void> => {
    await new Cluster({ dir: join(recovered, 'cluster'), port: 1 }, await findPrograms(15, world.real.dir)).stop(0);
    await world.real.remove();
  };
  try {
    await makeAgent(world, dir, ask.cell ?? {});
    await world.query(`drop table entry; grant create on database app to app`);
    await world.query(`set role app; ${ask.tables}`);
    await world.seal();
    await world.query(`set role app; ${ask.before}`);
    const [moment] = await world.query(`select to_char(clock_timestamp(), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at`);
    await new Promise((done) => setTimeout(done, 5)); // a time has milliseconds, and commits don't wait for the next one
    await world.query(`set role app; ${ask.after}`);
    await world.ship();
    const config = ['--config', join(dir, 'agent.yaml'), '--store', 'main'];
    const to = ['--at', String(moment?.at), '--identity', join(dir, 'identity.txt'), '--to', recovered];
    const back = await typed(recover, [...config, ...to]);
    if (back.code !== 0) throw new Error(back.err);
  } catch (error) {
    await close();
    throw error;
  }
  const asked: RecoveredTenants['asked'] = (command, ...args) =>
    typed(recoverTenant, [command, ...args, '--config', join(dir, 'agent.yaml')], /BEGIN PRIVATE KEY/);
  return {
    ...{ world, dir, recovered, asked, close },
    compared: (...args) =>
      asked('diff', '--store', 'main', '--rules', join(dir, 'rules.yaml'), '--recovered', recovered, ...args),
    approve(file, key, by, out, ...more) {
      const main = join(import.meta.dirname, '..', '..', '..', 'cli', 'src', 'main.ts');
      const args = [
        'recover-tenant',
        'approve',
        file,
        '--key',
        join(dir, key),
        '--approver',
        by,
        '--out',
        out,
        ...more,
      ];
      return new Promise((done) => {
        execFile(process.execPath, [main, ...args], { cwd: dir }, (error, stdout, err) =>
          done({ code: error === null ? 0 : Number(error.code), out: stdout, err }),
        );
      });
    },
  };
}

async function makeAgent(world: DrilledWorld, dir: string, more: Readonly<Record<string, unknown>>): Promise<void> {
  await mkdir(dir, { mode: 0o755 });
  await mkdir(join(world.real.dir, 'cell'), { mode: 0o755 });
  await chmod(world.real.dir, 0o755);
  const tenants = { ada: { store: 'main', ring: 'internal' }, bob: { store: 'main', ring: 'internal' } };
  await writeFile(join(dir, 'identity.txt'), `${world.ask.identities[0]}\n`, { mode: 0o600 });
  await writeFile(join(dir, 'token'), 'test-token\n', { mode: 0o600 });
  const approver = generateSigningKey();
  savePrivateKey(join(dir, 'approver.pem'), approver.privateKeyPem);
  savePrivateKey(join(dir, 'stranger.pem'), generateSigningKey().privateKeyPem);
  const sealed = sealedPlan();
  const { publicKeyPem } = sealed.key;
  const trust = trustText(publicKeyPem, sealed.logKey.verifierKey, approver.publicKeyPem);
  await writeFile(join(dir, 'trust.yaml'), trust.replace('  log:', `${listed('usr_maker')}${listed('usr_run')}  log:`));
  await writeFile(join(dir, 'cell.json'), JSON.stringify({ ...world.cell, vault: world.vault, tenants, ...more }));
  await writeFile(
    join(dir, 'agent.yaml'),
    `server: http://127.0.0.1:1
name: agt_test
tokenFile: ${join(dir, 'token')}
dataDir: ${join(dir, 'data')}
trustFile: ${join(dir, 'trust.yaml')}
environments: [{name: production}]
cellFiles: [${join(dir, 'cell.json')}]
`,
  );
}

/** Somebody else in the trust file, with a key of their own. */
function listed(id: string): string {
  const pem = JSON.stringify(generateSigningKey().publicKeyPem);
  return `    - {name: ${id.replace('_', '-')}, principal: ${id}, may: [approval], publicKey: ${pem}}\n`;
}
