import { readFileSync } from 'node:fs';

/** What whoever starts the process has to say; everything comes from the environment, secrets by file name. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly databaseUrl: string;
  readonly slot: string;
  readonly erpUrl: string;
  readonly erpTokenFile: string;
  readonly tokensFile: string;
}

/** Reads the environment of a web or worker process. A missing value throws and names the variable. */
export function readConfig(env: NodeJS.ProcessEnv, role: 'web' | 'worker'): Config {
  const required = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') throw new Error(`the environment variable ${name} is not set`);
    return value;
  };
  const web = role === 'web';
  return {
    host: env.HOST ?? '127.0.0.1',
    port: web ? Number(required('PORT')) : 0,
    databaseUrl: required('DATABASE_URL'),
    slot: required('PSA_SLOT'),
    erpUrl: web ? '' : required('ERP_URL').replace(/\/$/, ''),
    erpTokenFile: web ? '' : required('ERP_TOKEN_FILE'),
    tokensFile: web ? required('PSA_TOKENS_FILE') : '',
  };
}

/** The one line of a secret file. */
export function readSecret(file: string): string {
  return readFileSync(file, 'utf8').trim();
}
