import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { type Problem, type Route, type RouteName, routes } from '@headgate/contract';
import { digestOf, generateSigningKey, signingKey } from '@headgate/documents';
import { ACCESS, ROLES, type Role, type Verb } from '@headgate/domain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placedEntries } from '../testing/placed-entries.ts';
import { RealServer, until } from '../testing/real-server.ts';
import { DOCUMENTS, refused, SmallCompany } from '../testing/small-company.ts';

let server: RealServer;
let company: SmallCompany;
const tokens = new Map<string, string>();

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  for (const role of ROLES.filter((r) => r !== 'agent'))
    tokens.set(role, (await readFile(join(server.dataDir, 'secrets', `${role}.token`), 'utf8')).trim());
  const admin = await server.client('admin');
  tokens.set('agent', (await admin.call('enrolAgent', { body: { id: 'agt_other', environments: ['staging'] } })).token);
});
afterAll(() => server?.remove());

const DIGEST = digestOf('nothing that is there');
const guarded = Object.entries<Route>(routes).filter(([, route]) => route.needs.length > 0) as [RouteName, Route][];

/** Sends a request as it comes, past the client and its types. */
async function send(
  route: Pick<Route, 'method' | 'path'>,
  role: string | undefined,
  body?: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<{ status: number; problem: Problem; type: string | null }> {
  const place: Record<string, string> = { digest: DIGEST, kind: 'Policy', n: '1', scope: 'staging' };
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(place[name] ?? 'nowhere'));
  const stop = new AbortController();
  const response = await fetch(server.url + path, {
    method: route.method,
    signal: stop.signal,
    headers: {
      ...(role === undefined ? {} : { authorization: `Bearer ${tokens.get(role) ?? role}` }),
      ...(typeof body === 'string' ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    ...(body === undefined ? {} : { body: body as NonNullable<RequestInit['body']> }),
  });
  const type = response.headers.get('content-type');
  const answer = { status: response.status, type, problem: {} as Problem };
  if (type?.includes('event-stream')) stop.abort();
  else if (type?.includes('json')) answer.problem = (await response.json()) as Problem;
  else await response.arrayBuffer();
  return answer;
}

describe('every route', () => {
  it.each(guarded)('%s answers nobody without a valid token', async (_, route) => {
    const forged = `usr_admin.${'A'.repeat(43)}`;
    for (const token of [undefined, forged, 'nonsense', 'usr_admin.']) {
      const { status, problem } = await send(route, token);
      expect({ status, code: problem.refusals[0]?.code }).toEqual({ status: 401, code: 'no-token' });
    }
  });

  it.each(guarded)('%s admits the roles of the access table and no other', async (name, route) => {
    for (const role of ROLES) {
      const opens = route.needs.some((verb) => (ACCESS[verb as Verb] as readonly Role[]).includes(role));
      const { status, problem } = await send(
        route,
        role,
        route.method === 'GET' || route.body === undefined ? undefined : '[]',
      );
      if (opens) expect(status, `${name} as ${role}`).not.toSatisfy((s: number) => s === 401 || s === 403 || s >= 500);
      else
        expect({ role, status, code: problem.refusals[0]?.code }).toEqual({ role, status: 403, code: 'not-permitted' });
    }
  });

  it('names verbs that the access table has', () => {
    for (const [, route] of guarded) for (const verb of route.needs) expect(ACCESS).toHaveProperty(verb);
  });

  it('that needs no token says nothing about what is here', async () => {
    for (const path of ['/healthz', '/readyz', '/openapi.json']) {
      const response = await fetch(server.url + path);
      expect(response.status).toBe(200);
      expect(await response.text()).not.toMatch(/shop|acme|usr_/);
    }
    expect((await send({ method: 'GET', path: '/v2/anything' }, undefined)).status).toBe(404);
  });
});

describe('a refused attempt to act', () => {
  it('is on the log with who, what and why, and without what was sent', async () => {
    const secret = 'words that nobody asked for';
    await send(routes.applyDocuments, 'developer', JSON.stringify({ files: [{ name: 'a', text: secret }] }));
    await send(routes.requestPromotion, 'release-manager', `{"release": "${secret}`);
    await until('both are placed', async () => {
      const all = await placedEntries(server);
      const attempts = all.filter((e) => e.type === 'attempt.refused');
      const found = (by: string, code: string) => attempts.some((e) => e.by === by && e.data.code === code);
      return found('usr_developer', 'not-permitted') && found('usr_release-manager', 'not-json');
    });
    expect(JSON.stringify(await placedEntries(server))).not.toContain(secret);
  });

  it('that only looked is not', async () => {
    const before = (await placedEntries(server)).length;
    await send(routes.listPrincipals, 'developer');
    await send(routes.showRelease, 'developer');
    await send(routes.status, undefined);
    expect((await placedEntries(server)).slice(before).filter((e) => e.type === 'attempt.refused')).toEqual([]);
  });

  it('that came before an agent had looked is not: whoever waits for that asks again and again', async () => {
    const before = (await placedEntries(server)).length;
    const manager = await server.client('release-manager');
    const declared = DOCUMENTS.replace('{name: live,', '{name: not-seen-yet,');
    await manager.call('applyDocuments', { body: { files: [{ name: 'a.yaml', text: declared }] } });
    const early = manager.call('adoptCell', { cell: 'not-seen-yet', body: { manifests: [] } });
    await expect(early).rejects.toMatchObject({ problem: { refusals: [{ code: 'no-observation' }] } });
    await send(routes.applyDocuments, 'developer', '{}');
    await until('a later one is placed', async () => (await placedEntries(server)).length > before);
    const codes = (await placedEntries(server)).slice(before).map(({ data }) => data.code);
    expect(codes).not.toContain('no-observation');
  });

  it('of one principal fills the log only so far', async () => {
    const admin = await server.client('admin');
    const { token } = await admin.call('createPrincipal', { body: { id: 'usr_noisy', roles: ['auditor'] } });
    for (let i = 0; i < 9; i++)
      await Promise.all(Array.from({ length: 20 }, () => send(routes.applyDocuments, token, '{}')));
    const noisy = async () => (await placedEntries(server)).filter((e) => e.by === 'usr_noisy').length;
    await until('as many as are let in are on the log', async () => (await noisy()) >= 60);
    // Those that were on their way are there once another's is.
    await send(routes.applyDocuments, 'developer', '{}');
    await until('a later one, too', async () =>
      (await placedEntries(server)).slice(-3).some((e) => e.by === 'usr_developer' && e.type === 'attempt.refused'),
    );
    expect(await noisy()).toBeLessThan(100);
  });
});

describe('what is malformed, oversized, wrongly signed or names what is not there', () => {
  const json = (value: unknown) => JSON.stringify(value);
  const yaml = (text: string) => json({ files: [{ name: 'x.yaml', text }] });
  const promote = (release: string, environment = 'staging') => json({ release, environment });
  type Case = readonly [
    what: string,
    route: RouteName,
    role: string,
    body: () => string | Uint8Array,
    status: number,
    where: RegExp,
  ];
  const stranger = signingKey(generateSigningKey().privateKeyPem);

  const cases: readonly Case[] = [
    ['no JSON', 'requestPromotion', 'developer', () => '{', 400, /body/],
    ['an empty body', 'requestPromotion', 'developer', () => '', 400, /body/],
    ['another type', 'requestPromotion', 'developer', () => '[]', 422, /body/],
    ['a missing field', 'requestPromotion', 'developer', () => json({ environment: 'staging' }), 422, /body\/release/],
    [
      'an unknown field',
      'requestPromotion',
      'developer',
      () => json({ release: DIGEST, environment: 'x', force: true }),
      422,
      /body/,
    ],
    [
      'a name that can be none',
      'requestPromotion',
      'developer',
      () => promote(DIGEST, '../etc'),
      422,
      /body\/environment/,
    ],
    ['a prototype', 'requestPromotion', 'developer', () => '{"__proto__": {"x": 1}}', 400, /body/],
    ['a release that is not there', 'requestPromotion', 'developer', () => promote(DIGEST), 404, /release\/sha256/],
    [
      'an environment that is not there',
      'requestPromotion',
      'developer',
      () => promote(company.baseline.digest, 'moon'),
      409,
      /Environment\/moon/,
    ],
    ['a body beyond the bound', 'requestPromotion', 'developer', () => json({ x: 'x'.repeat(1_100_000) }), 413, /body/],
    ['YAML that is none', 'applyDocuments', 'admin', () => yaml('a: [1'), 422, /x\.yaml:\d+:\d+/],
    [
      'a kind that nobody knows',
      'applyDocuments',
      'admin',
      () => yaml('apiVersion: headgate/v1\nkind: Wish\n'),
      422,
      /x\.yaml:2:/,
    ],
    [
      'a link to nothing',
      'applyDocuments',
      'admin',
      () => yaml(DOCUMENTS.replace('policy: free', 'policy: freee')),
      422,
      /x\.yaml:\d+:/,
    ],
    [
      'a document without an owner',
      'applyDocuments',
      'admin',
      () => yaml(DOCUMENTS.replace(', owner: team-shop}', '}')),
      422,
      /x\.yaml/,
    ],
    [
      'a manifest that is not canonical',
      'registerRelease',
      'developer',
      () => json({ ...company.sealed('9.0.0'), digest: undefined, manifest: ` ${company.sealed('9.0.0').manifest}` }),
      422,
      /subject/,
    ],
    [
      'a changed manifest',
      'registerRelease',
      'developer',
      () => json({ bundle: company.sealed('9.0.0').bundle, manifest: company.sealed('9.0.1').manifest }),
      422,
      /subject/,
    ],
    [
      'a stranger’s signature',
      'registerRelease',
      'developer',
      () => json({ bundle: company.sealed('9.0.0', stranger).bundle, manifest: company.sealed('9.0.0').manifest }),
      422,
      /hint/,
    ],
    [
      'a bundle that is none',
      'registerRelease',
      'developer',
      () => json({ bundle: {}, manifest: company.sealed('9.0.0').manifest }),
      422,
      /mediaType/,
    ],
    [
      'evidence about a release that is not there',
      'attachEvidence',
      'developer',
      () => json({ bundle: company.evidence('9.0.0', DIGEST) }),
      404,
      /release/,
    ],
    [
      'a stranger’s evidence',
      'attachEvidence',
      'developer',
      () => json({ bundle: company.evidence('1.0.0', company.baseline.digest, stranger) }),
      422,
      /hint/,
    ],
    [
      'an observation of another cell',
      'observeCell',
      'agent',
      () => json(company.observation('stage', 'staging')),
      422,
      /body\/cell/,
    ],
    ['an outcome for no rollout', 'settleStep', 'agent', () => json({ kind: 'done', result: {} }), 404, /rollout/],
    ['an outcome that can be none', 'settleStep', 'agent', () => json({ kind: 'perhaps' }), 422, /body/],
    [
      'a freeze that ends before it begins',
      'declareFreeze',
      'admin',
      () => json({ scope: 'staging', name: 'x', to: 1, reason: 'x' }),
      422,
      /body\/to/,
    ],
    [
      'a freeze of what is not there',
      'declareFreeze',
      'admin',
      () => json({ scope: 'stagin', name: 'x', to: 9e12, reason: 'x' }),
      409,
      /Environment\/stagin/,
    ],
    [
      'half a character',
      'declareFreeze',
      'admin',
      () => '{"scope": "staging", "name": "x", "to": 9000000000000, "reason": "\\ud83d"}',
      422,
      /body\/reason/,
    ],
    [
      'half a character where it is not looked for',
      'adoptCell',
      'admin',
      () => '{"manifests": [], "\\ud83d": 1}',
      422,
      /body/,
    ],
    [
      'the server’s own name',
      'createPrincipal',
      'admin',
      () => json({ id: 'sys', roles: ['auditor'] }),
      422,
      /body\/id/,
    ],
    [
      'a role that is none',
      'createPrincipal',
      'admin',
      () => json({ id: 'usr_y', roles: ['king'] }),
      422,
      /body\/roles\/0/,
    ],
    [
      'an id that is taken',
      'createPrincipal',
      'admin',
      () => json({ id: 'usr_admin', roles: ['admin'] }),
      409,
      /principal\/usr_admin/,
    ],
    ['a manifest that can be none', 'adoptCell', 'admin', () => json({ manifests: [{}] }), 422, /body\/manifests\/0/],
    ['bytes of another digest', 'putBlob', 'developer', () => Buffer.from('x'), 422, /blob/],
    ['no token’s promotion', 'approvePromotion', 'approver', () => json({ envelope: DIGEST }), 404, /promotion/],
  ];

  it.each(cases)(
    '%s is refused with its place by %s and changes nothing',
    async (_what, name, role, body, status, where) => {
      const before = await placedEntries(server);
      const headers: Record<string, string> =
        (routes[name] as Route).body === 'octets' ? { 'content-type': 'application/octet-stream' } : {};
      const { problem, type, ...answer } = await send(routes[name], role, body(), headers);
      expect({ ...answer, problem }).toMatchObject({ status, problem: { status } });
      expect(type).toContain('application/problem+json');
      expect(problem.refusals[0]).toMatchObject({
        where: expect.stringMatching(where),
        why: expect.stringMatching(/\w/),
      });
      expect(problem.refusals[0]?.unblock).toMatch(/\w/);
      // Placed within moments; nothing but the attempt may follow.
      await until('the attempt is on the log', async () => (await placedEntries(server)).length > before.length);
      const after = (await placedEntries(server)).slice(before.length);
      expect(after.map((e) => e.type)).toEqual(['attempt.refused']);
      expect(after[0]?.data.code).toBe(problem.refusals[0]?.code);
    },
  );

  it('a blob beyond 64 MiB is refused without being read, and nobody’s blob is not asked for', async () => {
    const headers = { 'content-type': 'application/octet-stream' };
    // It is announced, and not a byte of it is sent: whoever sends on meets a closed connection.
    const announced = request(server.url + routes.putBlob.path, {
      method: routes.putBlob.method,
      headers: {
        ...headers,
        authorization: `Bearer ${tokens.get('developer')}`,
        'content-length': 64 * 1024 * 1024 + 1,
      },
    }).on('error', () => {});
    announced.flushHeaders();
    const [answer] = (await once(announced, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(413);
    announced.destroy();
    expect((await send(routes.putBlob, 'auditor', new Uint8Array(10), headers)).status).toBe(403);
  });

  it('an agent’s word counts only for cells of its environments, whatever environment it says', async () => {
    const path = '/v1/agent/cells/live/observation';
    for (const environment of ['staging', 'production']) {
      const body = json({ ...company.observation('live', 'production'), environment });
      const { status, problem } = await send({ method: 'PUT', path }, 'agent', body);
      expect({ status, code: problem.refusals[0]?.code }).toEqual({ status: 403, code: 'not-yours' });
    }
  });

  it('a cell that nobody declared is not adopted', async () => {
    const body = json(company.observation('stray', 'staging'));
    await send({ method: 'PUT', path: '/v1/agent/cells/stray/observation' }, 'agent', body);
    const { status, problem } = await send({ method: 'POST', path: '/v1/cells/stray/adopt' }, 'admin', '{}');
    expect({ status, where: problem.refusals[0]?.where }).toEqual({ status: 409, where: 'document/Cell/stray' });
  });

  it('an address that is none is a problem like any other', async () => {
    const { status, type } = await send({ method: 'GET', path: '/v1/cells/%E0%A4%A' }, 'auditor');
    expect({ status, type }).toEqual({ status: 400, type: expect.stringContaining('application/problem+json') });
  });

  it('names the cursor that is none', async () => {
    const zero = Buffer.from('cell/\0').toString('base64url');
    expect((await send({ method: 'GET', path: `/v1/cells?cursor=${zero}` }, 'auditor')).status).toBe(422);
    const auditor = await server.client('auditor');
    expect(await refused(auditor.call('listCells', { cursor: 'zzz' }))).toMatchObject({ status: 422 });
    expect(await refused(auditor.call('listCells', { limit: 500 }))).toMatchObject({ status: 422 });
  });
});

describe('resources', () => {
  it('come in pages', async () => {
    const auditor = await server.client('auditor');
    const names: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { items: { kind: string; name: string }[]; next: string | null } = await auditor.call(
        'listDocuments',
        {
          limit: 3,
          ...(cursor === null ? {} : { cursor }),
        },
      );
      expect(page.items.length).toBeLessThanOrEqual(3);
      names.push(...page.items.map((d) => `${d.kind}/${d.name}`));
      cursor = page.next;
    } while (cursor !== null);
    expect(names).toEqual([...names].sort());
    // Eight of the small company's, and the cell that nobody had seen yet.
    expect(names).toHaveLength(9);
  });

  it('show what was declared, as it was declared, and say what applying again would change', async () => {
    const auditor = await server.client('auditor');
    const shown = await auditor.call('showDocument', { kind: 'Environment', name: 'staging' });
    expect(shown.content).toMatchObject({ kind: 'Environment', spec: { policy: 'free' } });
    const blob = await auditor.call('getBlob', { digest: shown.digest });
    expect(JSON.parse(Buffer.from(blob).toString())).toEqual(shown.content);
    const manager = await server.client('release-manager');
    const text = DOCUMENTS.replace('approvalMs: 3600000', 'approvalMs: 7200000');
    const { applied } = await manager.call('applyDocuments', { body: { files: [{ name: 'x', text }], dryRun: true } });
    expect(applied.filter((a) => a.change !== 'unchanged').map((a) => a.name)).toEqual(['free']);
    expect((await auditor.call('listKinds')).kinds.map((k) => k.kind)).toContain('Verification');
  });

  it('never show a token’s hash', async () => {
    const admin = await server.client('admin');
    expect(JSON.stringify(await admin.call('listPrincipals', {}))).not.toMatch(/hash/i);
    expect(await admin.call('whoami')).toEqual({ id: 'usr_admin', roles: ['admin'] });
  });
});
