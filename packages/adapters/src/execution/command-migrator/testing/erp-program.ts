/** For tests only: a small application with a command line of its own that migrates its database. */
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { reachableProgram } from '../../../machine/program-copy.ts';
import type { RunAs } from '../../../machine/run-as.ts';

/**
 * What the program can be asked for. `to X` brings the schema to version X, whatever it was; the others misbehave. It prints
 * its process id first. Versions are names in the table erp_version, of which the last one counts.
 */
const PROGRAM = `
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import pg from 'pg';
const words = process.argv.slice(2);
console.log('erp', process.pid);
const client = new pg.Client(process.env.DATABASE_URL);
client.on('error', (error) => { console.log(error.message); process.exit(9); });
await client.connect();
const set = async (name) => {
  await client.query('create table if not exists erp_version(n serial primary key, name text not null)');
  await client.query('create table if not exists invoice(id int primary key, total numeric(12,2))');
  const last = (await client.query('select name from erp_version order by n desc limit 1')).rows[0]?.name;
  if (last === name) return;
  if (name === 'none') await client.query('drop table erp_version, invoice');
  else await client.query('insert into erp_version(name) values ($1)', [name]);
};
const asked = {
  to: (name) => set(name),
  early: async (name, flag) => { while (existsSync(flag)) await new Promise((r) => setTimeout(r, 20)); await set(name); },
  late: async (name, flag) => { await set(name); while (existsSync(flag)) await new Promise((r) => setTimeout(r, 20)); },
  slowly: async (name) => { for (let i = 0; i < 10; i++) await new Promise((r) => setTimeout(r, 30)); await set(name); for (let i = 0; i < 10; i++) await new Promise((r) => setTimeout(r, 30)); },
  hang: async () => { process.on('SIGTERM', () => {}); setInterval(() => {}, 50); await new Promise(() => {}); },
  shout: async (name) => { for (let i = 0; i < 60_000; i++) console.log('line', i, 'of much'); await set(name); },
  leak: async (name) => {
    const { DATABASE_URL, ERP_KEY } = process.env;
    console.log('connecting to', DATABASE_URL);
    console.log('Authorization: Basic', Buffer.from('erp:' + ERP_KEY).toString('base64'), encodeURIComponent(ERP_KEY));
    process.stderr.write(ERP_KEY.slice(0, 9)); await new Promise((r) => setTimeout(r, 50)); process.stderr.write(ERP_KEY.slice(9));
    throw new Error('the key ' + ERP_KEY + ' was refused');
  },
  grumble: async (name) => { await set(name); console.error('2 invoices could not be converted'); process.exitCode = 3; },
  purge: async (name, flag) => { await client.query('delete from invoice'); if (existsSync(flag)) throw new Error('it was interrupted'); await set(name); },
  lie: async () => console.log('all done'),
  background: async (name) => {
    await set(name);
    const child = spawn('/bin/sleep', ['600'], { detached: true, cwd: '/', stdio: 'inherit' });
    console.log('left', child.pid); child.unref();
  },
  show: async (name) => { console.log(JSON.stringify({ words, env: process.env, cwd: process.cwd(), uid: process.getuid() })); await set(name); },
  lock: async (name) => { await client.query('begin; lock table invoice in access exclusive mode'); await set(name); },
  grab: async () => { await client.query('create role more superuser'); },
  touch: async (name, path) => { writeFileSync(path, 'spoiled'); await set(name); },
};
await asked[words[0]](...words.slice(1));
await client.end();
`;

export interface ErpProgram {
  /** The program and its leading arguments. */
  readonly program: readonly string[];
}

/** Puts the program, and the library that it needs, where the user that it will run as can read them. */
export async function erpProgram(dir: string, user: RunAs | undefined): Promise<ErpProgram> {
  const node = await reachableProgram(process.execPath, `node-${process.version}`, user);
  const home = join(dir, 'erp');
  await mkdir(join(home, 'node_modules'), { recursive: true });
  await chmod(home, 0o755);
  const from = createRequire(import.meta.url);
  await copyPackage('pg', from, join(home, 'node_modules'), new Set());
  await writeFile(join(home, 'erp.mjs'), PROGRAM);
  return { program: [node, join(home, 'erp.mjs')] };
}

async function copyPackage(name: string, from: NodeJS.Require, into: string, copied: Set<string>): Promise<void> {
  if (copied.has(name)) return;
  copied.add(name);
  const folder = (from.resolve.paths(name) ?? []).map((path) => join(path, name, 'package.json'));
  for (const manifest of folder) {
    const text = await readFile(manifest, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    await cp(dirname(manifest), join(into, name), { recursive: true });
    const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
    for (const each of Object.keys(dependencies)) await copyPackage(each, createRequire(manifest), into, copied);
    return;
  }
  throw new Error(`the package ${name} isn't installed`);
}
