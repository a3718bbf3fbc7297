/** Finds the server and the token: flags, then the environment, then the data folder of a server of this machine. */

import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Client, createClient, traceParentOf } from '@headgate/contract';
import { isAllowedServer } from '@headgate/contract/server-address';
import { EXIT } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { patientFetch } from './patient-fetch.ts';

export interface ConnectOptions {
  readonly server?: string | undefined;
  readonly tokenFile?: string | undefined;
  /** Act as this local user of the discovered data folder, by role. */
  readonly as?: string | undefined;
}

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/** Makes the client that commands work with. Throws a {@link Failure} that says what is missing. */
export function connect(options: ConnectOptions, surroundings: Surroundings): Client {
  const { env, cwd } = surroundings;
  const baseUrl = serverAddress(options, surroundings);
  const tokenFile = tokenFileOf(options, surroundings);
  // A pipeline that traces its jobs says so: what it starts goes on in its trace.
  const traceparent = () => traceParentOf(env.TRACEPARENT);
  return createClient({ baseUrl, token: readToken(resolve(cwd, tokenFile)), traceparent, fetch: patientFetch() });
}

/** Where the server is. Throws a {@link Failure} when nobody says so, or where it can't be. */
export function serverAddress(options: ConnectOptions, { env, cwd }: Surroundings): string {
  const folder = dataFolder(env, cwd);
  const baseUrl = options.server ?? env.HEADGATE_SERVER ?? addressIn(folder);
  if (baseUrl === undefined)
    throw new Failure(
      EXIT.unreachable,
      'no-server',
      `no server is known: there is no .headgate/server.json in ${cwd} or above it`,
      'start one here (headgate-server --data .headgate; npm start in a clone of Headgate is a demonstration), or give --server URL, or set HEADGATE_SERVER',
    );
  if (!isAllowedServer(baseUrl))
    throw new Failure(
      EXIT.usage,
      'usage',
      `the server's address is ${baseUrl.slice(0, 200)}, and a token goes to no such one`,
      'give https://…, or http:// to 127.0.0.1, ::1 or localhost alone, without a path',
    );
  return baseUrl;
}

/**
 * Where the address came from that nobody answers at, and, where another one is known, that one: a server that was started
 * elsewhere writes its address down.
 */
export function addressHint(options: ConnectOptions, { env, cwd }: Surroundings): readonly string[] {
  const written = addressIn(dataFolder(env, cwd));
  const [given, from, rid] =
    options.server !== undefined
      ? [options.server, '--server', 'leave --server out']
      : [env.HEADGATE_SERVER, 'HEADGATE_SERVER', 'unset HEADGATE_SERVER'];
  if (given === undefined)
    return written === undefined
      ? []
      : [`  ${written} is where the server was started last, by server.json of the data folder`];
  const elsewhere =
    written === undefined || written === given ? '' : `; the server of the data folder here is at ${written}: ${rid}`;
  return [`  ${given} is what ${from} says${elsewhere}`];
}

/** The nearest `.headgate` in the working folder or above it, or the one that the environment names. */
export function dataFolder(env: NodeJS.ProcessEnv, cwd: string): string | undefined {
  if (env.HEADGATE_DATA !== undefined && env.HEADGATE_DATA !== '') return resolve(cwd, env.HEADGATE_DATA);
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const candidate = join(folder, '.headgate');
    if (existsSync(join(candidate, 'secrets')) || existsSync(join(candidate, 'server.json'))) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

function addressIn(folder: string | undefined): string | undefined {
  if (folder === undefined) return undefined;
  try {
    const { url } = JSON.parse(readFileSync(join(folder, 'server.json'), 'utf8')) as { url?: unknown };
    return typeof url === 'string' ? url : undefined;
  } catch {
    return undefined;
  }
}

/** The file that the token is read from. Throws a {@link Failure} when none is known. */
export function tokenFileOf(options: ConnectOptions, { env, cwd }: Surroundings): string {
  const folder = dataFolder(env, cwd);
  const role = options.as ?? 'admin';
  if (!/^[a-z-]{1,40}$/.test(role)) throw new Failure(EXIT.usage, 'usage', `--as ${role}: expected a role`);
  const given = options.tokenFile ?? (options.as === undefined ? env.HEADGATE_TOKEN_FILE : undefined);
  const file = given ?? (folder === undefined ? undefined : join(folder, 'secrets', `${role}.token`));
  if (file !== undefined) {
    if (given === undefined && options.as !== undefined && folder !== undefined && !existsSync(file))
      throw new Failure(
        EXIT.notPermitted,
        'token-file',
        `there is no local user ${role}: ${file} isn't there`,
        `--as takes one of: ${localRoles(folder).join(', ')}`,
      );
    return file;
  }
  throw new Failure(
    EXIT.notPermitted,
    'no-token',
    'no token is known',
    'give --token-file FILE, or set HEADGATE_TOKEN_FILE; the administrator’s is in the data folder, secrets/admin.token',
  );
}

/** The roles that have a local user in a server's data folder. */
function localRoles(folder: string): readonly string[] {
  try {
    return readdirSync(join(folder, 'secrets'))
      .flatMap((name) => (/^[a-z-]{1,40}\.token$/.test(name) ? [name.slice(0, -'.token'.length)] : []))
      .sort();
  } catch {
    return [];
  }
}

function readToken(file: string): string {
  const trouble = (why: string, unblock: string) => new Failure(EXIT.notPermitted, 'token-file', why, unblock);
  let open: number;
  try {
    open = openSync(file, 'r');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw trouble(`the token file ${file} can't be read (${code})`, 'give another one with --token-file');
  }
  try {
    const facts = fstatSync(open);
    if ((facts.mode & 0o077) !== 0)
      throw trouble(
        `others than its owner may read the token file ${file}`,
        `chmod 600 ${file}, and replace the token`,
      );
    if (facts.size > 1_000)
      throw trouble(`${file} is too large for a token file`, 'give another one with --token-file');
    const token = readFileSync(open, 'utf8').trim();
    if (!/^[\x21-\x7e]{1,300}$/.test(token))
      throw trouble(`${file} holds no token`, 'give another one with --token-file');
    return token;
  } finally {
    closeSync(open);
  }
}
