import { tenantApi } from './api.ts';
import { readConfig } from './config.ts';
import { openPool } from './database.ts';
import type { Edition } from './edition.ts';
import { listen } from './listener.ts';
import { openTokens } from './tokens.ts';

/** Runs a web process until SIGTERM: the tenants' API, and `/healthz` for whoever looks after the process. */
export async function runWeb(edition: Edition): Promise<void> {
  const config = readConfig(process.env, 'web');
  const pool = openPool(config.databaseUrl, `psa-web-${edition.version}-${config.slot}`, 4);
  const api = tenantApi(edition, pool, openTokens(config.tokensFile));
  const headers = { 'x-psa-slot': config.slot, 'x-psa-version': edition.version };

  const health = async () => {
    try {
      const { rows } = await pool.query<{ schema: number }>('SELECT max(version) AS schema FROM headgate.migration');
      return { status: 200, body: { version: edition.version, slot: config.slot, schema: rows[0]?.schema ?? 0 } };
    } catch {
      return {
        status: 503,
        body: { type: 'about:blank', title: 'Unavailable', status: 503, detail: 'the database does not answer' },
      };
    }
  };

  const listener = await listen(config, headers, (request, url, body) =>
    request.method === 'GET' && url.pathname === '/healthz'
      ? health()
      : api({ method: request.method ?? 'GET', url, headers: request.headers, body }),
  );
  console.log(
    JSON.stringify({
      level: 'info',
      message: 'listening',
      port: listener.port,
      version: edition.version,
      slot: config.slot,
    }),
  );

  const stop = async () => {
    await listener.drain();
    await pool.end();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  process.once('SIGINT', () => void stop());
}
