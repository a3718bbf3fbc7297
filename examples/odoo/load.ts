/**
 * Customers of every tenant, as a process of its own: `node load.ts --config file.json`. Some look at a page, some write
 * timesheet lines by the API; all at a pace of their own, told to come again or not. It knows nothing of releases, and keeps a
 * journal of what it was promised. Stops on SIGTERM once what is in flight has ended.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Journal } from '@headgate/example-psa/load/journal.ts';
import type { OdooJournalLine, OdooLoadConfig } from './load/journal-line.ts';
import { type Answered, callOdoo, odooRequest } from './load/odoo-client.ts';
import { type Person, peopleIn, Session } from './load/session.ts';

const { values } = parseArgs({ options: { config: { type: 'string' } } });
if (values.config === undefined) throw new Error('usage: node load.ts --config file.json');
const config = JSON.parse(readFileSync(values.config, 'utf8')) as OdooLoadConfig;
const journal = await Journal.open<OdooJournalLine>(config.journalFile);
const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());
process.once('SIGINT', () => stopping.abort());
const agent = new http.Agent({ keepAlive: true });

const customers = config.cells.flatMap((cell) => {
  const keys = JSON.parse(readFileSync(cell.tokensFile, 'utf8')) as Record<string, string>;
  const people = peopleIn(cell.peopleFile);
  return cell.tenants.flatMap(({ id, host }) => {
    const to = { url: cell.url, host, key: keys[id]!, timeLimitMs: config.timeLimitMs };
    return [reader(id, people[id]!, to), writer(id, to)];
  });
});
await Promise.all(customers);
await journal.close();
agent.destroy();

type To = Parameters<typeof callOdoo>[0];

/** Logs in once, before anything else, and stays: who is logged out later met a failure. */
async function reader(tenant: string, person: Person, { url, host, timeLimitMs }: To): Promise<void> {
  const session = new Session(agent, { url, host, timeLimitMs });
  let loggedIn = false;
  await atPace(config.readsPerSecond, async () => {
    const at = Date.now();
    const answer = loggedIn ? await session.openClient() : await session.logIn(person);
    loggedIn ||= answer.kind === 'ok';
    await journal.append({ tenant, action: 'read', ...ended(at, answer) });
  });
}

async function writer(tenant: string, to: To): Promise<void> {
  const name = `Load of ${tenant}`;
  const found = await callOdoo<number[]>(to, 'project.project', 'search', { domain: [['name', '=', name]], limit: 1 });
  const project =
    found[0] ??
    (await callOdoo<number[]>(to, 'project.project', 'create', { vals_list: [{ name, allow_timesheets: true }] }))[0];
  let n = 0;
  await atPace(config.writesPerSecond, async () => {
    const line = { name: `Load ${randomUUID()}`, unit_amount: 0.25 * ((n++ % 12) + 1) };
    const at = Date.now();
    const answer = await odooRequest(agent, {
      ...to,
      method: 'POST',
      path: '/json/2/account.analytic.line/create',
      body: { vals_list: [{ ...line, project_id: project }] },
    });
    const id = answer.kind === 'ok' ? (JSON.parse(answer.text) as number[])[0]! : undefined;
    const written = id === undefined ? {} : { written: { id, name: line.name, hours: line.unit_amount } };
    await journal.append({ tenant, action: 'write', ...ended(at, answer), ...written });
  });
}

function ended(at: number, answer: Answered): Pick<OdooJournalLine, 'at' | 'ms' | 'outcome' | 'why'> {
  const ms = Date.now() - at;
  if (answer.kind === 'ok') return { at, ms, outcome: 'acknowledged' };
  return answer.kind === 'failed' ? { at, ms, outcome: 'failed', why: answer.why } : { at, ms, outcome: 'turned-away' };
}

/**
 * One request at a time, so many a second on average, at random as people come (exponential gaps): those who ask at a fixed
 * beat meet either always or never, and what one waits for the other would be luck. After a slow answer the pace goes on
 * from then, since catching up would be a burst.
 */
async function atPace(perSecond: number, request: () => Promise<void>): Promise<void> {
  const gap = () => (-Math.log(1 - Math.random()) * 1_000) / perSecond;
  let due = performance.now() + gap();
  while (!stopping.signal.aborted) {
    await sleep(Math.max(0, due - performance.now()), undefined, { signal: stopping.signal }).catch(() => {});
    if (stopping.signal.aborted) return;
    due = Math.max(due + gap(), performance.now());
    await request();
  }
}
