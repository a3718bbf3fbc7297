/** The judgement itself: faults that are planted in a small server are seen, each by the sentence that names it. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Route, route } from '@headgate/contract';
import { name } from '@headgate/contract/schemas/common';
import { check } from '@headgate/server/http/input';
import { readJson } from '@headgate/server/http/json-body';
import { problemOf } from '@headgate/server/http/problems';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { Coverage } from './generate/coverage.ts';
import { casesOf } from './http-cases.ts';
import { judge } from './judge.ts';
import { send } from './send.ts';

let server: Server | undefined;
afterEach(() => new Promise((done) => (server === undefined ? done(undefined) : server.close(done))));

const sound = route({
  method: 'POST',
  path: '/v1/planted',
  summary: 'planted',
  tag: 'planted',
  needs: ['read'],
  body: z.strictObject({ name, note: z.string().max(100) }),
  response: z.object({}),
});

/** What the judge says of a server that answers so. */
async function wrongs(planted: Route, read: (bytes: Buffer) => unknown, answer = answerOf): Promise<readonly string[]> {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { status, text } = answer(planted, () => read(Buffer.concat(chunks)));
    response.writeHead(status, { 'content-type': 'application/problem+json' });
    response.end(text);
  });
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const found: string[] = [];
  for (const the of casesOf({}, new Coverage(), { planted })) {
    const { wrong } = judge(the, await send(base, the));
    if (wrong !== undefined) found.push(wrong);
  }
  return found;
}

function answerOf(planted: Route, body: () => unknown): { status: number; text: string } {
  try {
    const checked = check(planted.body as z.ZodType, body(), 'body', 'plant');
    if (checked.ok) return { status: 200, text: '{}' };
    return { status: 422, text: JSON.stringify(problemOf(checked.refusals, 422, '/', 'r')) };
  } catch (error) {
    const { where, message: why } = error as Error & { where: string };
    const refusal = { code: 'not-json', what: 'plant', where, why, unblock: '' };
    return { status: 400, text: JSON.stringify(problemOf([refusal], 400, '/', 'r')) };
  }
}

test('nothing is wrong with a route that is sound', async () => {
  expect(await wrongs(sound, readJson)).toEqual([]);
});

test('a field without a bound is seen', async () => {
  const body = z.strictObject({ name, note: z.string(), list: z.array(name) });
  const found = await wrongs({ ...sound, body }, readJson);
  expect(found.map((each) => each.split(': ')[0]?.replace(/ \(.*/, ''))).toEqual(
    expect.arrayContaining(['planted body note size', 'planted body list size']),
  );
  expect(found.join('\n')).toContain('a field without an end');
});

test('a name that takes what no name holds is seen', async () => {
  const body = z.strictObject({ name: z.string().regex(/^[^ ]{1,40}$/), note: z.string().max(100) });
  const found = await wrongs({ ...sound, body }, readJson);
  expect(found.join('\n')).toMatch(/name markup .*no rule says/);
  expect(found.join('\n')).toMatch(/name bidi .*no rule says/);
});

test('a reader that takes the last of two keys, or a prototype, is seen', async () => {
  const found = await wrongs(sound, (bytes) => JSON.parse(bytes.toString('utf8')));
  expect(found.join('\n')).toMatch(/duplicate .*taken, though/);
  expect(found.join('\n')).toMatch(/bytes that are no UTF-8.*taken, though/);
});

test('a handler that throws is seen, and so is its stack', async () => {
  const broken = (status: number) => () => ({ status, text: new Error('planted').stack ?? '' });
  expect((await wrongs(sound, readJson, broken(500)))[0]).toMatch(/a fault/);
  await new Promise((done) => server?.close(done));
  expect((await wrongs(sound, readJson, broken(422)))[0]).toMatch(/a stack in the answer/);
});

test('a refusal that names no place is seen', async () => {
  const nameless = () => {
    const refusal = { code: 'malformed', what: 'plant', where: 'somewhere', why: '', unblock: '' };
    return { status: 422, text: JSON.stringify(problemOf([refusal], 422, '/', 'r')) };
  };
  expect((await wrongs(sound, readJson, nameless))[0]).toMatch(/it doesn’t name body\//);
});

test('a field that nobody tried is a hole', () => {
  const coverage = new Coverage();
  coverage.expect('planted', { type: 'object', properties: { name: { type: 'string', pattern: '^a$' } } });
  coverage.count('planted', 'name', 'size', 'refused');
  expect(coverage.holes()).toContain('planted name markup');
  expect(coverage.holes()).not.toContain('planted name size');
});
