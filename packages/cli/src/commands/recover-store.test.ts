/** An approver's yes to a store going back, on a machine where no server is. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf, generateSigningKey, storeProposalText } from '@headgate/documents';
import { type ProposedSide, STORE_PARTS, type StoreProposal } from '@headgate/domain';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

let dir: string;

const sum = digestOf('sum');
const beside = Object.fromEntries(STORE_PARTS.map((part) => [part, sum])) as ProposedSide['beside'] & {};
const side: ProposedSide = {
  ...{ system: '77', timeline: 1, lsn: '0/1', schemaVersion: 2, census: sum, tables: 4, at: 1, beside },
};
const proposal: StoreProposal = {
  ...{ environment: 'production', cell: 'shared', store: 'main', moment: '2026-11-22T09:30:00.000Z', point: 'rp-1' },
  ...{ live: side, was: { ...side, timeline: 2 }, tables: [], others: [], othersInAll: 0, databases: [] },
  ...{ tenants: ['ada'], serving: [], files: [], place: '/back/cluster', by: 'usr_ann', because: 'why', madeAt: 1 },
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-approve-store-'));
  await writeFile(join(dir, 'file'), storeProposalText(proposal).text);
  await writeFile(join(dir, 'own.pem'), generateSigningKey().privateKeyPem, { mode: 0o600 });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const approve = (by: string) =>
  ranCommand(
    ['recover-store', 'approve', 'file', '--key', 'own.pem', '--approver', by, '--out', `${by}.json`, '--yes'],
    { env: {}, cwd: dir },
  );

test('who proposed it can’t say yes to it: nothing is signed, and nothing asked', async () => {
  const { code, out } = await approve('usr_ann');
  expect({ code, out }).toMatchObject({
    code: 1,
    out: expect.stringMatching(/usr_ann proposed it: it takes another person’s yes/),
  });
  expect(out).not.toContain('IN PLACE');
  await expect(readFile(join(dir, 'usr_ann.json'))).rejects.toThrow(/ENOENT/);
  expect(await approve('usr_bob')).toMatchObject({ code: 0, out: expect.stringContaining('IN PLACE') });
});
