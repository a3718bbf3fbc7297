import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@headgate/contract';
import { parseDocuments } from '@headgate/documents';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { changedByOthers } from './hand-over.ts';

const DOCUMENTS = `apiVersion: headgate/v1
kind: Policy
metadata: { name: careful, owner: ops }
spec: { gates: [{ gate: approval, at: wave, params: { count: 1 } }], rollbackScope: tenant, limits: { latestFinishMs: 1000, approvalMs: 1000 } }
---
apiVersion: headgate/v1
kind: Environment
metadata: { name: production, owner: ops }
spec: { application: shop, policy: careful, calendars: [], agent: shop }
`;
const parsed = parseDocuments(DOCUMENTS, { file: 'shop' });
const own = parsed.ok ? parsed.documents[0]!.digest : '';
const [handed, other] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-handed-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function changed(now: string): Promise<unknown> {
  const client = { call: async () => ({ digest: now }) } as unknown as Client;
  return changedByOthers({ client }, folder, 'shop', DOCUMENTS);
}

test('a policy that somebody declared since the last setup is told; what setup declared, or would, is not', async () => {
  expect(parsed.ok).toBe(true);
  expect(await changed(other), 'nothing was handed over yet').toEqual([]);
  await mkdir(join(folder, 'agent'));
  const environments = [{ name: 'production', policyDigest: handed, documents: [] }];
  await writeFile(join(folder, 'agent', 'handed.json'), JSON.stringify({ name: 'agt_shop', environments }));
  expect(await changed(handed)).toEqual([]);
  expect(await changed(own)).toEqual([]);
  expect(await changed(other)).toEqual([{ environment: 'production', policy: 'careful', handed, digest: other }]);
});
