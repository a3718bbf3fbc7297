import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, ProblemError } from '@headgate/contract';
import { readService } from '@headgate/documents';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nextSteps } from './next-steps.ts';

const SERVICE = `apiVersion: headgate/v1
kind: Service
metadata: {name: shop, owner: team-shop}
spec: {run: ["\${node}"], files: [server.mjs], health: /healthz, environments: [{name: shop-production}]}
`;

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'headgate-next-'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

/** Of a cell that nobody has seen yet. */
async function next(running?: string) {
  const read = readService(SERVICE, 'headgate.yaml');
  if (!read.ok) throw new Error(read.problems[0]?.message);
  const problem = { type: '', title: '', status: 404, detail: '', instance: '', refusals: [] };
  const client = { call: () => Promise.reject(new ProblemError(problem)) } as unknown as Client;
  const handed = { file: join(cwd, '.headgate', 'agent', 'handed.json'), changed: false };
  return nextSteps({ client, cwd }, { service: read.service, file: join(cwd, 'headgate.yaml') }, handed, running);
}

test('the version of the take-up that is printed is said with who says it, and can be given', async () => {
  const nobody = await next();
  expect(nobody.commands[1]).toMatch(/--version VERSION$/);
  expect(nobody.beware).toMatch(/neither package\.json nor Git says/);
  await writeFile(join(cwd, 'package.json'), '{"version": "2.0.0-next"}');
  const said = await next();
  expect(said.commands[1]).toMatch(/^headgate-agent take-up .* --version 2\.0\.0-next$/);
  expect(said.beware).toMatch(/--version 2\.0\.0-next is what package\.json says here.*say it with --running VERSION/);
  const given = await next('1.9.3');
  expect(given.commands[1]).toMatch(/--version 1\.9\.3$/);
  expect(given.beware).toMatch(/it has to be 1\.9\.3/);
});
