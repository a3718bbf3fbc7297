/**
 * A bounded load of customers' requests, as a process of its own: `node load.ts --config file.json`. It knows nothing of
 * releases; it sends every tenant's requests to the tenant's address and keeps a journal of what it was promised, which
 * `audit.ts` later holds against the stores. Stops on SIGTERM once what is in flight has ended, and says so in
 * the journal's last line.
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { parseArgs } from 'node:util';
import { readLoadConfig } from './load/config.ts';
import { customerClient } from './load/customer-client.ts';
import { Journal, type JournalLine, type WentHome } from './load/journal.ts';
import { loadTenant } from './load/tenant-load.ts';

const { values } = parseArgs({ options: { config: { type: 'string' } } });
if (values.config === undefined) throw new Error('usage: node load.ts --config file.json');
const config = readLoadConfig(values.config);
const journal = await Journal.open<JournalLine | WentHome>(config.journalFile);
const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());
process.once('SIGINT', () => stopping.abort());

const { requestsPerSecond, timeLimitMs } = config;
const agents: http.Agent[] = [];
const running = config.cells.flatMap((cell) => {
  const tokens = JSON.parse(readFileSync(cell.tokensFile, 'utf8')) as Record<string, string>;
  const agent = new http.Agent({ keepAlive: true });
  agents.push(agent);
  return cell.tenants.map((tenant) => {
    const token = tokens[tenant];
    if (token === undefined) throw new Error(`${cell.tokensFile} has no token for the tenant ${tenant}`);
    const client = customerClient({ agent, url: cell.url, tenant, token, timeLimitMs });
    return loadTenant({ tenant, client, journal, requestsPerSecond, signal: stopping.signal });
  });
});
console.log(JSON.stringify({ level: 'info', message: 'loading', tenants: running.length, requestsPerSecond }));
await Promise.all(running);
await journal.append({ kind: 'went-home', at: Date.now() });
await journal.close();
for (const agent of agents) agent.destroy();
