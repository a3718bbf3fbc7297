import { type Answer, denied, granted } from '@headgate/execution';
import { readSecret } from '../../machine/durable-file.ts';
import { SHORTEST_SECRET } from '../program-run/masking.ts';
import type { CommandMigrations } from './command-config.ts';

/** The database login of one assignment. */
export interface CommandLogin {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface CommandEnvironment {
  /** All that the program gets. It holds secrets: it goes to the program and nowhere else. */
  readonly variables: Readonly<Record<string, string>>;
  /** What must not show in its output. */
  readonly secrets: readonly string[];
}

/** The values of the variables that stand for secrets. A secret that couldn't be hidden, or given, is refused. */
export async function readSecrets(config: CommandMigrations): Promise<Answer<Readonly<Record<string, string>>>> {
  const values: Record<string, string> = {};
  for (const [name, file] of Object.entries(config.secretEnv)) {
    const value = await readSecret(file);
    if (value.length < SHORTEST_SECRET)
      return denied('rejected', `the secret for ${name} is so short that it couldn't be told from ordinary output`);
    if (value.includes('\0')) return denied('rejected', `the secret for ${name} holds a zero byte`);
    values[name] = value;
  }
  return granted(values);
}

/** The environment of one command: a minimal one, what the configuration says, and the assignment's own login. */
export function commandEnvironment(
  config: CommandMigrations,
  secrets: Readonly<Record<string, string>>,
  login: CommandLogin,
  scratch: string,
): CommandEnvironment {
  const minimal = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', TZ: 'UTC', HOME: scratch, TMPDIR: scratch };
  return {
    variables: { ...minimal, ...config.env, ...databaseVariables(config, login), ...secrets },
    secrets: [...Object.values(secrets), login.password],
  };
}

function databaseVariables({ databaseEnv }: CommandMigrations, login: CommandLogin): Record<string, string> {
  if ('url' in databaseEnv) {
    const [user, password, database] = [login.user, login.password, login.database].map(encodeURIComponent);
    // An IPv6 address stands in brackets there (RFC 3986, 3.2.2): its colons are no port's.
    const host = login.host.includes(':') ? `[${login.host}]` : login.host;
    return { [databaseEnv.url]: `${databaseEnv.scheme}://${user}:${password}@${host}:${login.port}/${database}` };
  }
  const { host, port, user, password, database } = databaseEnv;
  const set: Record<string, string> = { [password]: login.password };
  if (host !== undefined) set[host] = login.host;
  if (port !== undefined) set[port] = String(login.port);
  if (user !== undefined) set[user] = login.user;
  if (database !== undefined) set[database] = login.database;
  return set;
}
