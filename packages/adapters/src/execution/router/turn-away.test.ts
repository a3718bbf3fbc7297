import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../../machine/free-port.ts';
import { InFlight } from './in-flight.ts';
import { buildProxy } from './proxy.ts';
import { RoutingTable } from './routing-table.ts';
import { wantsHtml } from './turn-away.ts';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';

test.each([
  [BROWSER, true],
  ['text/html', true],
  ['TEXT/HTML;q=0.5', true],
  ['text/html, application/json', true],
  ['application/json, text/html;q=0.9', false],
  ['application/problem+json', false],
  ['text/html;q=0', false],
  ['text/html;q=2', false],
  ['*/*', false],
  ['text/*', false],
  ['', false],
  [undefined, false],
])('whoever accepts %s gets a page: %s', (accept, html) => {
  expect(wantsHtml(accept)).toBe(html);
});

describe('a tenant that is held', () => {
  let dir: string;
  let port: number;
  let close: () => Promise<void>;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-turn-away-'));
    const [blue, listenPort] = (await freePorts(2)) as [number, number];
    port = listenPort;
    const table = await RoutingTable.open(join(dir, 'routes.json'), ['blue']);
    await table.change({ fence: { epoch: 1, n: 1 }, routes: { ada: { blue: 100 } }, held: { ada: true } });
    const config = {
      maxBodyBytes: 4_096,
      retryMs: 300,
      answerMs: 1_500,
      retryAfterS: 17,
      checkPass: 'x',
      readingCalls: [],
    };
    const proxy = await buildProxy(
      { ...config, upstreams: { blue }, tenantBy: 'path', tenantHeader: null, callGuard: null },
      table,
      new InFlight(),
    );
    await proxy.listen({ host: '127.0.0.1', port });
    close = () => proxy.close();
  });
  afterAll(async () => {
    await close?.();
    await rm(dir, { recursive: true, force: true });
  });

  const ask = (accept: string | undefined, path = '/t/ada/invoices', method = 'GET') =>
    new Promise<{ status: number | undefined; headers: http.IncomingHttpHeaders; text: string }>((resolve, reject) => {
      const headers = accept === undefined ? {} : { accept };
      const request = http.request({ hostname: '127.0.0.1', port, path, method, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() }),
        );
      });
      request.on('error', reject);
      request.end();
    });

  test('is answered with a calm page in a browser: 503, when to come again, no script, nothing to fetch', async () => {
    const answer = await ask(BROWSER, '/t/ada/%3Cscript%3Ealert(1)%3C/script%3E?a=%22%3E');
    expect(answer.status).toBe(503);
    expect(answer.headers).toMatchObject({
      'retry-after': '17',
      'cache-control': 'no-store',
      vary: 'accept',
      'content-type': 'text/html; charset=utf-8',
    });
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect(answer.text).toContain('<h1>Under maintenance</h1>');
    expect(answer.text).toContain('try again in 17 seconds');
    expect(answer.text).not.toMatch(/<script|<style|<link|src=|href=|alert|ada/);
  });

  test.each([[undefined], ['*/*'], ['application/json']])(
    'is answered with a problem to a program (%s)',
    async (accept) => {
      const { status, headers, text } = await ask(accept, '/t/ada/invoices', 'POST');
      expect(status).toBe(503);
      expect(headers).toMatchObject({
        'retry-after': '17',
        'content-type': expect.stringContaining('application/problem+json'),
      });
      expect(JSON.parse(text)).toMatchObject({ title: 'Under maintenance', status: 503 });
    },
  );
});
