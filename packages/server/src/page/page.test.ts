import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Fastify, { type FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBundle } from './bundle.ts';
import { type AnswerLost, addPage } from './page.ts';

const SCRIPT = 'console.log(1);'.repeat(100);
let folder: string;
let app: FastifyInstance;

function serverOf(at: string): FastifyInstance {
  const made = Fastify({ routerOptions: { maxParamLength: 300 } });
  let answerLost: AnswerLost = async () => false;
  made.setNotFoundHandler(async (request, reply) =>
    (await answerLost(request, reply)) ? reply : reply.code(404).send({ title: 'no such thing' }),
  );
  answerLost = addPage(made, pino({ level: 'silent' }), () => openBundle(at));
  return made;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-page-'));
  await mkdir(join(folder, 'dist', 'assets'), { recursive: true });
  await writeFile(join(folder, 'dist', 'index.html'), '<meta nonce="{{nonce}}">');
  await writeFile(join(folder, 'dist', 'assets', 'a-1.js'), SCRIPT);
  await writeFile(join(folder, 'dist', 'assets', 'secret.txt'), 'secret');
  await writeFile(join(folder, 'secret.js'), 'secret');
  app = serverOf(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the index', () => {
  it.each(['/', '/promotions', '/promotions/prm_1', '/cells/live'])(
    'stands at %s, is kept by nobody, and binds the browser',
    async (url) => {
      const answer = await app.inject({ url });
      expect(answer.statusCode).toBe(200);
      const policy = String(answer.headers['content-security-policy']);
      const [, nonce] = /style-src 'self' 'nonce-([A-Za-z0-9+/=]{24})'/.exec(policy) ?? [];
      expect(answer.body).toBe(`<meta nonce="${nonce}">`);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self';");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
      expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
    },
  );

  it('stands at an address that nobody knows, for a browser alone, and says that there is nothing', async () => {
    const ask = (url: string, accept?: string) => app.inject({ url, headers: accept === undefined ? {} : { accept } });
    const lost = await ask('/nowhere/at/all?x=1', 'text/html,application/xhtml+xml,*/*;q=0.8');
    expect([lost.statusCode, lost.body]).toEqual([404, expect.stringContaining('<meta nonce=')]);
    expect(lost.headers['content-security-policy']).toContain("default-src 'none'");
    for (const [url, accept] of [
      ['/nowhere', 'application/json'],
      ['/nowhere', undefined],
      ['/v1/nowhere', 'text/html'],
      ['/assets/nowhere.js', 'text/html'],
    ] as const) {
      const answer = await ask(url, accept);
      expect([answer.statusCode, answer.json()], `${url} ${accept}`).toEqual([404, { title: 'no such thing' }]);
    }
  });

  it('has another nonce each time', async () => {
    const policies = await Promise.all(
      [1, 2, 3].map(async () => (await app.inject('/')).headers['content-security-policy']),
    );
    expect(new Set(policies).size).toBe(3);
  });

  it('is for GET and HEAD alone', async () => {
    expect((await app.inject({ method: 'HEAD', url: '/' })).statusCode).toBe(200);
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'] as const)
      expect((await app.inject({ method, url: '/' })).statusCode).toBe(404);
  });
});

describe('its files', () => {
  it('are kept for good, packed for whoever takes that', async () => {
    const plain = await app.inject('/assets/a-1.js');
    expect(plain.body).toBe(SCRIPT);
    expect(plain.headers).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-type': 'text/javascript; charset=utf-8',
      vary: 'accept-encoding',
    });
    const packed = await app.inject({ url: '/assets/a-1.js', headers: { 'accept-encoding': 'br, gzip' } });
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(packed.rawPayload).toString()).toBe(SCRIPT);
    const refused = await app.inject({ url: '/assets/a-1.js', headers: { 'accept-encoding': 'gzip;q=0' } });
    expect(refused.body).toBe(SCRIPT);
  });

  it.each([
    '/assets/',
    '/assets/secret.txt',
    '/assets/../secret.js',
    '/assets/..%2fsecret.js',
    '/assets/%2e%2e%2fsecret.js',
    '/assets/..%5csecret.js',
    '/assets/a-1.js%00',
    '/assets/a-1.js/',
    '/assets/__proto__',
    '/secret.js',
    '/nothing',
  ])('%s is none of them', async (url) => {
    const answer = await app.inject(url);
    expect(answer.statusCode).toBe(404);
    expect(answer.body).not.toContain('secret');
  });
});

describe('a page that isn’t there', () => {
  it('is said at its address, and nothing else fails', async () => {
    const bare = await mkdtemp(join(tmpdir(), 'headgate-page-'));
    const server = serverOf(bare);
    const answer = await server.inject('/');
    expect(answer.statusCode).toBe(503);
    expect(answer.body).toContain('its page isn’t here');
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect((await server.inject('/assets/a-1.js')).statusCode).toBe(404);
    await rm(bare, { recursive: true });
  });

  it('whose build fails is served as it was, and that is told', async () => {
    const broken = await mkdtemp(join(tmpdir(), 'headgate-page-'));
    await mkdir(join(broken, 'src', 'build'), { recursive: true });
    await writeFile(join(broken, 'src', 'build', 'main.ts'), 'throw new Error(`it is broken, ${process.env.SECRET}`);');
    process.env.SECRET = 'a password';
    expect(await openBundle(broken)).toMatchObject({
      ok: false,
      why: expect.stringContaining('it is broken, undefined'),
    });
    await symlink(join(folder, 'dist'), join(broken, 'dist'));
    expect(await openBundle(broken)).toMatchObject({ ok: true, warning: expect.stringContaining('it is broken') });
    delete process.env.SECRET;
    await rm(broken, { recursive: true });
  });
});
