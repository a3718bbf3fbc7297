/**
 * The "ERP": a ledger of its own, with a store of its own, that the system posts its invoices to. It stands for the
 * kind of neighbour that a release can quietly stop talking to while every health check stays green.
 *
 * Environment: HOST (127.0.0.1), PORT, DATABASE_URL, ERP_TOKEN_FILE. Stops on SIGTERM like the system's own processes.
 */
import { readSecret } from '../app/core/config.ts';
import { type Database, openPool } from '../app/core/database.ts';
import { listen } from '../app/core/listener.ts';
import { badRequest, Problem } from '../app/core/problem.ts';
import { bearerToken, sameSecret } from '../app/core/tokens.ts';
import { listEntries, prepareLedger, summariseLedger, takeEntry } from './ledger.ts';

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`the environment variable ${name} is not set`);
  return value;
}

const token = readSecret(required('ERP_TOKEN_FILE'));
const pool = openPool(required('DATABASE_URL'), 'erp', 4);
const database = pool as unknown as Database;
await prepareLedger(database);

const listener = await listen(
  { host: process.env.HOST ?? '127.0.0.1', port: Number(required('PORT')) },
  {},
  async (request, url, body) => {
    if (url.pathname === '/healthz') {
      await database.query('SELECT 1');
      return { status: 200, body: { service: 'erp' } };
    }
    if (!sameSecret(token, bearerToken(request.headers.authorization)))
      throw new Problem(401, 'Unauthorized', 'a bearer token is needed');
    const route = `${request.method} ${url.pathname}`;
    if (route === 'POST /ledger/entries') {
      const key = request.headers['idempotency-key'];
      if (typeof key !== 'string' || key.length === 0 || key.length > 200)
        throw badRequest('the header Idempotency-Key must have 1 to 200 characters');
      return takeEntry(pool, key, body);
    }
    if (route === 'GET /ledger/entries') return listEntries(database, url.searchParams);
    if (route === 'GET /ledger/summary') return summariseLedger(database);
    throw new Problem(404, 'Not found', `${route} is not part of this API`);
  },
);
console.log(JSON.stringify({ level: 'info', message: 'listening', port: listener.port }));

const stop = async (): Promise<void> => {
  await listener.drain();
  await pool.end();
  process.exit(0);
};
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
