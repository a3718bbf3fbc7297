/**
 * Somebody else's generator makes a client from the document that the server serves; our compiler takes it as strictly as
 * it takes ours; and it works against that server. The document itself is judged by OpenAPI's own schema first.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RealServer } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import { Validator } from '@seriousme/openapi-schema-validator';
import { generate } from 'openapi-typescript-codegen';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const TSC = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'tsc');

/** A program of somebody's that knows nothing but the generated client. */
const CONSUMER = `
import { ApiError, Generated, type Problem, type Promotion } from "./client";

const [base = '', token = '', promotion = '', release = ''] = process.argv.slice(2);
const client = new Generated({ BASE: base, TOKEN: token });

async function main(): Promise<void> {
  const listed: Promotion[] = (await client.promotions.listPromotions({ environment: 'production', open: 'true' })).items;
  const one: Promotion = await client.promotions.showPromotion({ promotion });
  const refused = await client.promotions
    .requestPromotion({ requestBody: { release, environment: 'nowhere' }, idempotencyKey: 'once' })
    .then(() => undefined, (error: unknown) => error);
  if (!(refused instanceof ApiError)) throw new Error('it was not refused');
  const problem = refused.body as Problem;
  const [refusal] = problem.refusals;
  // Words and phases are a union, not any text: this doesn't compile when they are not.
  const phase: 'awaiting' | 'advancing' | 'paused' | 'undoing' | 'held' | 'ended' = one.phase;
  const said = { listed: listed.map((each) => each.id), phase, application: one.application };
  console.log(JSON.stringify({ ...said, status: refused.status, type: problem.type, unblock: refusal?.unblock }));
}
main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
`;

let server: RealServer;
let company: SmallCompany;
let dir: string;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  dir = await mkdtemp(join(tmpdir(), 'headgate-openapi-'));
});
afterAll(async () => {
  await server?.remove();
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

const served = async (): Promise<Record<string, unknown>> =>
  (await (await fetch(`${server.url}/openapi.json`)).json()) as Record<string, unknown>;

test('the document is OpenAPI 3.1, and one with a fault in it is not', async () => {
  const document = await served();
  expect(await new Validator().validate(structuredClone(document))).toMatchObject({ valid: true });
  const broken = structuredClone(document) as { paths: Record<string, { get: { responses?: unknown } }> };
  broken.paths['/healthz']!.get.responses = 'none';
  expect(await new Validator().validate(broken)).toMatchObject({ valid: false });
});

test('a client that is generated from it compiles strictly, and works', async () => {
  await generate({
    input: await served(),
    output: join(dir, 'client'),
    httpClient: 'fetch',
    useOptions: true,
    clientName: 'Generated',
  });
  await writeFile(join(dir, 'package.json'), '{"type": "commonjs"}');
  await writeFile(join(dir, 'consumer.ts'), CONSUMER);
  const compilerOptions = {
    target: 'ES2024',
    lib: ['ES2024', 'DOM'],
    module: 'NodeNext',
    strict: true,
    noUncheckedIndexedAccess: true,
    types: ['node'],
    typeRoots: [join(import.meta.dirname, '..', '..', 'node_modules', '@types')],
    outDir: 'out',
  };
  await writeFile(join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['consumer.ts', 'client'] }));
  const compiled = await run(TSC, ['-p', dir]).catch((error: { stdout: string }) => error);
  expect(compiled.stdout).toBe('');

  const release = await company.release('1.1.0');
  const { id } = await (await server.client('developer')).call('requestPromotion', {
    body: { release, environment: 'production' },
  });
  const token = (await readFile(join(server.dataDir, 'secrets', 'developer.token'), 'utf8')).trim();
  const { stdout } = await run(process.execPath, [join(dir, 'out', 'consumer.js'), server.url, token, id, release]);
  expect(JSON.parse(stdout)).toEqual({
    listed: [id],
    phase: 'awaiting',
    application: 'shop',
    status: 409,
    type: '/problems/missing-document',
    unblock: expect.stringMatching(/./),
  });
});
