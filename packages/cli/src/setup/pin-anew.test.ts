import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Objection } from '@headgate/contract';
import { parseDocuments, readService } from '@headgate/documents';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { howToMend } from './pin-anew.ts';

const SERVICE = `apiVersion: headgate/v1
kind: Service
metadata: {name: shop, owner: team-shop}
spec:
  run: ["\${node}", "\${dir}/web.mjs"]
  files: [web.mjs]
  health: /healthz
  environments: [{name: production}]
`;
const [held, other] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`] as const;
const STOP = 'headgate-agent stop --config .headgate/agent/agent.yaml --agent-only';
const AGAIN = `${STOP} && headgate-agent enrol --handed .headgate/agent/handed.json --service shop/headgate.yaml && headgate-agent run --config .headgate/agent/agent.yaml`;

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'headgate-pin-anew-'));
  await mkdir(join(cwd, '.headgate', 'agent'), { recursive: true });
  await writeFile(join(cwd, '.headgate', 'agent', 'handed.json'), '{"name":"agt_shop"}');
  await mkdir(join(cwd, 'shop'));
  await writeFile(join(cwd, 'shop', 'headgate.yaml'), SERVICE);
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

/** The digest of what `headgate setup` would declare. */
function declared(kind: string): `sha256:${string}` {
  const read = readService(SERVICE, 'headgate.yaml');
  const parsed = parseDocuments(read.ok ? read.documents : '', { file: 'headgate.yaml' });
  const found = parsed.ok ? parsed.documents.find(({ content }) => content.kind === kind) : undefined;
  return found!.digest;
}

function mend(more: Partial<Objection>): Promise<string> {
  const objection: Objection = {
    cell: 'live',
    environment: 'production',
    agent: 'agt_shop',
    code: 'other-policy',
    why: 'w',
    unblock: 'what the server says',
    ...more,
  };
  return howToMend({ folder: join(cwd, '.headgate'), cwd }, objection);
}

test('a policy that setup would declare is read first, and pinned by the very commands', async () => {
  const asked = declared('Policy');
  expect(await mend({ held, asked })).toBe(
    `read what changed: headgate document diff ${held} ${asked}; then: headgate setup shop && ${AGAIN}`,
  );
});

test('of one that it wouldn’t declare it is said how it is kept, and how it is taken back', async () => {
  expect(await mend({ held, asked: other })).toBe(
    `read what changed: headgate document diff ${held} ${other}; it is not what headgate setup would declare; to keep it: ${STOP}; write policyDigest: ${other} of production into .headgate/agent/agent.yaml; headgate-agent run --config .headgate/agent/agent.yaml; to take it back: headgate setup shop --take-back && ${AGAIN}`,
  );
});

test('a document is read and pinned alike', async () => {
  const asked = declared('Verification');
  expect(await mend({ code: 'other-document', asked })).toBe(
    `read it: headgate document show ${asked}; then: headgate setup shop && ${AGAIN}`,
  );
  expect(await mend({ code: 'other-document', asked: other })).toContain(
    `write ${other} among the documents of production into`,
  );
});

test('of an older server, which names no digests, and of an agent of elsewhere nothing is made up', async () => {
  expect(await mend({})).toBe(`read what changed; then: headgate setup shop && ${AGAIN}`);
  expect(await mend({ agent: 'agt_other', held, asked: other })).toBe('what the server says');
  expect(await mend({ code: 'signed-approvals' })).toBe('what the server says');
});
