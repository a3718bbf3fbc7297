/** For tests only: who proposes, approves and applies that a store goes back in its place, each as a program of their own. */
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateSigningKey, savePrivateKey } from '@headgate/documents';

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url));
const CLI = join(import.meta.dirname, '..', '..', '..', '..', 'cli', 'src', 'main.ts');

/** A program that ends itself by kill -9 so long after it has said that, at the latest as it says what comes next. */
const KILLED = `
const [words, afterMs] = JSON.parse(process.env.KILLED_AT);
const write = process.stderr.write.bind(process.stderr);
const end = () => process.kill(process.pid, 'SIGKILL');
let said = false;
process.stderr.write = (...args) => {
  if (said) end();
  said = String(args[0]).includes(words);
  if (said && afterMs === 0) end();
  if (said) setTimeout(end, afterMs);
  return write(...args);
};
`;

/** Somebody's line in a trust file; their key is saved. */
export function listedPerson(id: string, keyFile: string): string {
  const { privateKeyPem, publicKeyPem } = generateSigningKey();
  savePrivateKey(keyFile, privateKeyPem);
  return `    - {name: ${id.replace('_', '-')}, principal: ${id}, may: [approval], publicKey: ${JSON.stringify(publicKeyPem)}}\n`;
}

/** `headgate recover-store approve …`, on the approver's machine. Nothing that was signed is written over. */
export async function approveInPlace(file: string, by: string, keyFile: string, out: string): Promise<void> {
  const args = ['recover-store', 'approve', file, '--key', keyFile, '--approver', by, '--out', out, '--yes'];
  await new Promise<void>((done, fail) =>
    execFile(process.execPath, [CLI, ...args], (error) => (error === null ? done() : fail(error))),
  );
}

export interface KilledApply {
  readonly agentFile: string;
  /** The proposal, and somebody's yes to it. */
  readonly file: string;
  readonly yes: string;
  readonly afterMs?: number;
}

/** `apply` by usr_run, ended by kill -9 so long after it has said that, at the latest as its next stage begins. */
export async function applyKilledAt(words: string, { agentFile, file, yes, afterMs = 0 }: KilledApply): Promise<void> {
  const args = ['recover-store', 'apply', file, '--config', agentFile, '--as', 'usr_run', '--approval', yes];
  const first = ['--import', `data:text/javascript,${encodeURIComponent(KILLED)}`];
  const env = { ...process.env, KILLED_AT: JSON.stringify([words, afterMs]) };
  const child = spawn(process.execPath, [...first, MAIN, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  await new Promise<void>((done, fail) => {
    child.once('exit', (_code, signal) => (signal === 'SIGKILL' ? done() : fail(new Error(`not killed: ${said}`))));
  });
}
