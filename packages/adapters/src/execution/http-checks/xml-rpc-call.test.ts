import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeValue } from '@headgate/documents/xml-rpc/index';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HttpChecks } from './http-checks.ts';
import { faultWords } from './xml-rpc-call.ts';

const TOKEN = 'secret-of-acme';
let dir: string;
let server: http.Server;
let asked: string[];
let answers: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-checks-'));
  await writeFile(join(dir, 'tokens.json'), JSON.stringify({ acme: TOKEN }), { mode: 0o600 });
  [asked, answers] = [[], []];
  server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.push(`${request.method} ${request.url} ${request.headers['content-type']} ${Buffer.concat(chunks)}`);
      const text = answers.shift() ?? '';
      response.writeHead(text.startsWith('<html') ? 502 : 200, { 'content-type': 'text/xml' }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(dir, { recursive: true, force: true });
});

const value = (of: unknown) => `<methodResponse><params><param>${encodeValue(of)}</param></params></methodResponse>`;
const fault = (code: number | string, said: string) =>
  `<methodResponse><fault>${encodeValue({ faultCode: code, faultString: said })}</fault></methodResponse>`;

const create = (successCriteria: string[], more: object = {}) => ({
  stepId: 'create',
  request: {
    path: '/xmlrpc/2/object',
    xmlRpc: { method: 'execute_kw', params: ['$inputs.tenant', 7, '$inputs.token', [{ n: 1.5 }]], ...more },
  },
  successCriteria: successCriteria.map((condition) => ({ condition })),
  outputs: { id: '$response.body#/0' },
});
const read = {
  stepId: 'read',
  request: {
    path: '/xmlrpc/2/object',
    xmlRpc: { method: 'read', params: [['$steps.create.outputs.id'], 'of {$inputs.tenant}'] },
  },
  successCriteria: [{ condition: "$response.body#/0/state == 'posted'" }],
};
const run = (steps: object[]) => {
  const { port } = server.address() as { port: number };
  const spec = { workflows: [{ workflowId: 'bill', steps }] };
  return new HttpChecks({ baseUrl: `http://127.0.0.1:${port}`, tenantTokensFile: join(dir, 'tokens.json') }).run(
    { apiVersion: 'headgate/v1', kind: 'Verification', metadata: { name: 'billing', owner: 'team' }, spec },
    'acme',
    'green',
    { signal: new AbortController().signal },
  );
};

test('a step by XML-RPC is asked and answered in the same plain data as one by JSON', async () => {
  answers = [value([41]), value([{ state: 'posted' }])];
  expect(await run([create(['$response.body#/0 > 0']), read])).toEqual({ ok: true, passed: 1 });
  expect(asked[0]).toMatch(/^POST \/xmlrpc\/2\/object text\/xml .*<methodName>execute_kw</s);
  expect(asked[0]).toContain(`<value><string>acme</string></value></param><param><value><int>7</int>`);
  expect(asked[0]).toContain(`<string>${TOKEN}</string>`);
  expect(asked[1]).toContain('<value><int>41</int></value></data>');
  expect(asked[1]).toContain('<string>of acme</string>');
});

test('a fault fails the step although it comes with status 200', async () => {
  answers = [fault(1, "Traceback (most recent call last):\n  File x\nKeyError: 'customer'\n")];
  const result = await run([create(['$statusCode == 200'])]);
  expect(result).toMatchObject({ ok: false, check: 'bill/create' });
  expect(result).toMatchObject({ why: "the call failed with the fault 1: KeyError 'customer'" });
});

test('a criterion that looks at the fault decides about it', async () => {
  answers = [fault(3, 'Access Denied')];
  const step = { ...create(['$response.fault#/faultCode == 3']), outputs: {} };
  expect(await run([step])).toEqual({ ok: true, passed: 1 });
  answers = [fault(4, 'no')];
  expect(await run([step])).toMatchObject({ why: 'expected $response.fault#/faultCode == 3, found 4' });
  answers = [value(5)];
  expect(await run([step])).toMatchObject({ why: 'expected $response.fault#/faultCode == 3, found nothing' });
});

test('a fault that only says that there was nothing to answer is the answer null, where the document says so', async () => {
  const said = 'Traceback\nTypeError: cannot marshal None unless allow_none is enabled\n';
  answers = [fault(1, said)];
  const nilFault = 'cannot marshal None unless allow_none is enabled';
  expect(await run([{ ...create(['$response.body == null'], { nilFault }), outputs: {} }])).toEqual({
    ok: true,
    passed: 1,
  });
  answers = [fault(1, said)];
  expect(await run([create(['$statusCode == 200'])])).toMatchObject({ ok: false });
});

test('what is no XML-RPC fails the step, with the status', async () => {
  answers = ['<html><body>Bad gateway</body></html>'];
  expect(await run([create(['$statusCode >= 200'])])).toMatchObject({
    ok: false,
    why: expect.stringContaining("status 502, and no XML-RPC: <html> can't stand there"),
  });
});

test('no message holds the token, also where the server repeats it, and no output takes it on', async () => {
  for (const answer of [fault(TOKEN, TOKEN), fault(1, `Traceback\nKeyError: '${TOKEN}'`), value([TOKEN])]) {
    answers = [answer];
    const result = await run([create(['$response.body#/0 > 0'])]);
    expect(result.ok).toBe(false);
    expect(JSON.stringify(result)).not.toContain(TOKEN);
  }
  answers = [value([`id-${TOKEN}`])];
  expect(await run([create(['$statusCode == 200'])])).toMatchObject({
    why: "the answer repeats the tenant's token in what is taken as id",
  });
  answers = [value([null])];
  expect(
    await run([
      create(['$statusCode == 200']),
      { ...read, request: { ...read.request, path: '/{$steps.create.outputs.id}' } },
    ]),
  ).toMatchObject({
    ok: false,
    check: 'bill/read',
  });
});

test('a parameter that has no value is named, and nothing is asked', async () => {
  answers = [value([])];
  expect(await run([create(['$statusCode == 200']), read])).toMatchObject({
    check: 'bill/read',
    why: 'params/0/0 has no value',
  });
  expect(asked).toHaveLength(1);
});

test.each([
  [{ faultCode: 2, faultString: 'Müller & Söhne has no approved time' }, 'another text'],
  [
    { faultCode: 1, faultString: 'Traceback\npsycopg2.errors.UndefinedColumn: column Müller' },
    'psycopg2.errors.UndefinedColumn another text',
  ],
  [{ faultCode: 1, faultString: "x\nValueError: 'Müller & Söhne'" }, 'ValueError another text'],
  ['odd', 'fault nothing: nothing'],
])('of the fault %j it says no more than may reach the log', (said, words) => {
  expect(faultWords(said)).toContain(words);
  expect(faultWords(said)).not.toContain('Müller');
});
