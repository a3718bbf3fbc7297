/** The server's own security, from outside: limits, headers, tokens that end at once, and no secret in what it says. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '@headgate/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placedEntries } from '../testing/placed-entries.ts';
import { RealServer } from '../testing/real-server.ts';
import { refused, SmallCompany } from '../testing/small-company.ts';
import { asSuperuser } from '../testing/superuser.ts';

let server: RealServer;
let company: SmallCompany;
const said: string[] = [];

const as = (token: string) => createClient({ baseUrl: server.url, token });

/** Asks and keeps what was said, headers and all. */
async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(server.url + path, init);
  const text = await response.clone().text();
  said.push(`${path} ${JSON.stringify([...response.headers])} ${text}`);
  return response;
}

beforeAll(async () => {
  server = await RealServer.start({ args: ['--log-level', 'debug'] });
  company = await SmallCompany.found(server);
});
afterAll(() => server?.remove());

describe('a token', () => {
  it('that was rotated is worth nothing from then on, and the new one is', async () => {
    const admin = await server.client('admin');
    const { token } = await admin.call('createPrincipal', { body: { id: 'usr_rotated', roles: ['auditor'] } });
    expect((await as(token).call('whoami')).id).toBe('usr_rotated');
    const rotated = await admin.call('rotateToken', { id: 'usr_rotated' });
    expect((await refused(as(token).call('whoami'))).status).toBe(401);
    expect((await as(rotated.token).call('whoami')).roles).toEqual(['auditor']);
  });

  it('of a revoked principal ends at once, for good, also in a stream that was open', async () => {
    const admin = await server.client('admin');
    const { token } = await admin.call('createPrincipal', { body: { id: 'usr_gone', roles: ['auditor'] } });
    const stream = await fetch(`${server.url}/v1/events`, { headers: { authorization: `Bearer ${token}` } });
    const reader = stream.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toMatch(/^: headgate\n\n/);
    await admin.call('revokePrincipal', { id: 'usr_gone' });
    expect((await refused(as(token).call('whoami'))).status).toBe(401);
    // Its revocation is itself an entry, and is not told to it.
    const rest: string[] = [];
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read())
      rest.push(new TextDecoder().decode(chunk.value));
    expect(rest.join('')).not.toContain('principal.revoked');
    expect((await refused(admin.call('rotateToken', { id: 'usr_gone' }))).code).toBe('revoked');
    expect(await admin.call('revokePrincipal', { id: 'usr_gone' })).toMatchObject({ id: 'usr_gone' });
  });

  it('is ended by administrators alone, who can’t end themselves', async () => {
    const developer = await server.client('developer');
    expect((await refused(developer.call('revokePrincipal', { id: 'usr_auditor' }))).status).toBe(403);
    expect((await refused(developer.call('rotateToken', { id: 'usr_auditor' }))).status).toBe(403);
    const admin = await server.client('admin');
    const { id } = await admin.call('whoami');
    expect((await refused(admin.call('revokePrincipal', { id }))).code).toBe('own-right');
    expect((await refused(admin.call('revokePrincipal', { id: 'usr_nobody' }))).status).toBe(404);
  });
});

describe('every answer', () => {
  it('carries the headers that keep a browser from running, framing or guessing it', async () => {
    const token = (await readFile(join(server.dataDir, 'secrets', 'admin.token'), 'utf8')).trim();
    const authorization = { authorization: `Bearer ${token}` };
    const events = await fetch(`${server.url}/v1/events`, { headers: authorization });
    await events.body?.cancel();
    const answers = [
      events,
      await ask('/healthz'),
      await ask('/readyz'),
      await ask('/v1/cells'),
      await ask('/metrics'),
      await ask('/v1/cells', { headers: authorization }),
      await ask('/nowhere'),
      await ask('/v1/%zz'),
      await ask('/v1/principals', {
        method: 'POST',
        headers: { ...authorization, 'content-type': 'application/json' },
        body: '{',
      }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 401, 401, 200, 404, 400, 400]);
    for (const { headers, url } of answers) {
      expect(headers.get('x-content-type-options'), url).toBe('nosniff');
      expect(headers.get('x-frame-options'), url).toBe('DENY');
      expect(headers.get('referrer-policy'), url).toBe('no-referrer');
      expect(headers.get('content-security-policy'), url).toContain("default-src 'none'");
      expect(headers.get('cache-control'), url).toBe('no-store');
    }
  });

  it('to who asks too often is 429 with a time to wait, and others are answered', async () => {
    const bearer = { authorization: `Bearer usr_admin.${'x'.repeat(40)}` };
    let limited: Response | undefined;
    for (let i = 0; i < 60 && limited === undefined; i++) {
      const round = await Promise.all(
        Array.from({ length: 50 }, () => fetch(`${server.url}/v1/cells`, { headers: bearer })),
      );
      limited = round.find(({ status }) => status === 429);
    }
    expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(limited?.headers.get('content-type')).toContain('application/problem+json');
    expect(await limited?.json()).toMatchObject({ status: 429, refusals: [{ code: 'too-many-requests' }] });
    expect((await (await server.client('auditor')).call('whoami')).roles).toEqual(['auditor']);
  });
});

describe('an event stream', () => {
  it('tells who has which rights, and who tried what, only to whoever may read the log', async () => {
    await refused((await server.client('developer')).call('revokePrincipal', { id: 'usr_auditor' }));
    const last = `release/${await company.release('1.0.9')}`;
    const kindsFor = async (role: string) => {
      const kinds = new Set<string>();
      for await (const { data } of await (await server.client(role)).watch({ after: -1 })) {
        const { stream } = JSON.parse(data) as { stream: string };
        kinds.add(stream.split('/', 1)[0] as string);
        if (stream === last) return kinds;
      }
      throw new Error('the stream ended');
    };
    const [all, some] = [await kindsFor('auditor'), await kindsFor('developer')];
    expect([...all]).toEqual(expect.arrayContaining(['principal', 'attempt', 'document', 'cell']));
    expect([...some].sort()).toEqual([...all].filter((kind) => kind !== 'principal' && kind !== 'attempt').sort());
  });
});

describe('what it measures', () => {
  it('is told in Prometheus’ words to who may read, without a label that grows with customers', async () => {
    const auditor = await server.client('auditor');
    await auditor.call('showCell', { cell: 'live' });
    await fetch(`${server.url}/no/such/tenant-acme`);
    const text = await auditor.call('metrics');
    expect(text).toMatch(/^headgate_part_ready\{part="database"\} 1$/m);
    expect(text).toMatch(
      /^headgate_http_request_seconds_count\{method="GET",route="\/v1\/cells\/:cell",status="2xx"\} \d+$/m,
    );
    expect(text).toMatch(/^headgate_http_request_seconds_count\{method="OTHER",route="none",status="4xx"\} \d+$/m);
    expect(text).toMatch(/^headgate_http_limited_total\{kind="stranger"\} [1-9]\d*$/m);
    expect(Number(/^headgate_log_entries (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(10);
    expect(text).toMatch(/^process_cpu_seconds_total /m);
    const labels = new Set([...text.matchAll(/[{,](\w+)="/g)].map(([, label]) => label));
    for (const label of ['tenant', 'cell', 'store', 'promotion', 'rollout', 'principal', 'address'])
      expect(labels).not.toContain(label);
    expect(text).not.toContain('acme');
  });
});

describe('no secret', () => {
  it('is in any log line, entry, event, row that is no hash, or answer', async () => {
    await company.release('1.1.0');
    const admin = await server.client('admin');
    await refused(admin.call('createPrincipal', { body: { id: 'usr_admin', roles: ['admin'] } }));
    const secrets = new Map<string, string>();
    const folder = join(server.dataDir, 'secrets');
    for (const name of await readdir(folder)) {
      const text = (await readFile(join(folder, name), 'utf8')).trim();
      // Of a token its secret half; of a key its base64.
      const secret = name.endsWith('.token') ? text.slice(text.indexOf('.') + 1) : (text.split('\n')[1] ?? text);
      expect(secret.length).toBeGreaterThan(20);
      secrets.set(name, secret);
    }
    for (const id of ['usr_scan']) {
      const { token } = await admin.call('createPrincipal', { body: { id, roles: ['auditor'] } });
      await ask('/v1/whoami', { headers: { authorization: `Bearer ${token}` } });
      await ask('/v1/whoami', { headers: { authorization: `Bearer ${token}x` } });
      await ask(`/v1/cells?cursor=${'x'.repeat(500)}`, { headers: { authorization: `Bearer ${token}` } });
      secrets.set('created', token.slice(token.indexOf('.') + 1));
      const rotated = (await admin.call('rotateToken', { id })).token;
      secrets.set('rotated', rotated.slice(rotated.indexOf('.') + 1));
    }
    for (const path of ['/v1/status', '/v1/principals', '/v1/cells', '/v1/documents', '/v1/log/head', '/openapi.json'])
      await ask(path, {
        headers: { authorization: `Bearer ${(await readFile(join(folder, 'admin.token'), 'utf8')).trim()}` },
      });
    const { entries, rows, password } = await asSuperuser(server, async (db) => ({
      entries: (await db.query<{ text: string }>("select convert_from(bytes, 'UTF8') as text from headgate.entry"))
        .rows,
      rows: (await db.query<{ text: string }>('select state::text as text from headgate.stream')).rows,
      password: (db as unknown as { password: string }).password,
    }));
    secrets.set('database superuser', password);
    expect(entries.length).toBeGreaterThan(20);
    expect(server.errors).toContain('"request"');
    const placed = await placedEntries(server);
    const spoken = {
      'log lines': server.errors,
      entries: entries.map(({ text }) => text).join('\n'),
      rows: rows.map(({ text }) => text).join('\n'),
      answers: said.join('\n'),
      'entries as handed out': JSON.stringify(placed),
    };
    for (const [where, text] of Object.entries(spoken))
      for (const [name, secret] of secrets) expect(text.includes(secret), `${name} in ${where}`).toBe(false);
    // The scan itself sees: what is there by right is found.
    expect(spoken.entries.includes('usr_scan')).toBe(true);
    expect(spoken['log lines'].includes('usr_scan')).toBe(true);
  });
});
