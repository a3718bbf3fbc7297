import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { holdCell } from '@headgate/adapters/execution/process/cell-hold';
import {
  consistencyProof,
  digestOf,
  Frontier,
  hexOf,
  type NodeId,
  type NoteSigner,
  signTreeHead,
} from '@headgate/documents';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ORIGIN, type SealedPlan, sealedPlan } from '../testing/sealed-plan.ts';
import { type AcceptParts, acceptRestoredLog, continues, headsToCompare } from './accept-restored-log.ts';

/** Heads of a log that begins as another one did, and goes on in its own way from an entry on. */
class Restored {
  readonly nodes = new Map<string, Buffer>();
  readonly heads = new Map<number, string>();

  constructor(key: NoteSigner, size: number, branchesAt: number, salt: string) {
    const frontier = Frontier.empty();
    while (frontier.size < size) {
      const own = frontier.size < branchesAt ? '' : salt;
      const leaf = Buffer.from(hexOf(digestOf(`${own}${frontier.size}`)), 'hex');
      for (const { level, index, hash } of frontier.append(leaf)) this.nodes.set(`${level}/${index}`, hash);
      this.heads.set(frontier.size, signTreeHead({ origin: ORIGIN, size: frontier.size, root: frontier.root() }, key));
    }
  }

  head(size: number): string {
    return this.heads.get(size) as string;
  }

  named(size: number): string {
    const root = Buffer.from(this.head(size).split('\n')[2] as string, 'base64').toString('hex');
    return `${size}:${root}`;
  }

  proof(from: number, to: number): Promise<Buffer[]> {
    const nodes = async (ids: readonly NodeId[]) =>
      ids.map(({ level, index }) => this.nodes.get(`${level}/${index}`) ?? Buffer.alloc(32));
    return consistencyProof({ nodes }, from, to);
  }
}

let sealed: SealedPlan;
let dir: string;
let parts: AcceptParts;
let before: Restored;
let restored: Restored;
let shown: number;

beforeEach(async () => {
  sealed = sealedPlan();
  dir = await mkdtemp(join(tmpdir(), 'headgate-accept-'));
  before = new Restored(sealed.logKey, 12, 12, '');
  restored = new Restored(sealed.logKey, 9, 6, 'restored ');
  shown = 7;
  await writeFile(join(dir, 'token'), 'agt.secret\n', { mode: 0o600 });
  await writeFile(join(dir, 'tree-head.note'), before.head(12));
  await writeFile(join(dir, 'FORK-ALARM.json'), '{}');
  parts = {
    config: { dataDir: dir, server: 'http://127.0.0.1:1', tokenFile: join(dir, 'token') },
    trust: sealed.trust,
    connect: () => ({
      head: async () => restored.head(shown),
      consistency: (from: number, to: number) => restored.proof(from, to),
    }),
  };
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const left = async (): Promise<string[]> => (await readdir(dir)).sort();

test('a person sees both heads, and accepts the one that they compared although the log has grown since', async () => {
  const heads = await headsToCompare(parts);
  expect([heads.held?.size, heads.offered.size]).toEqual([12, 7]);
  shown = 9;
  const later = await headsToCompare(parts);
  expect(await continues(parts, restored.named(7), later)).toBe(true);
  const kept = await acceptRestoredLog(parts, later, 'the disk died', new Date(0));
  expect(await readFile(join(dir, 'tree-head.note'), 'utf8')).toBe(restored.head(9));
  expect(await left()).not.toContain('FORK-ALARM.json');
  expect(await readFile(join(kept, 'tree-head.note'), 'utf8')).toBe(before.head(12));
  expect(JSON.parse(await readFile(join(kept, 'accepted.json'), 'utf8'))).toMatchObject({ because: 'the disk died' });
  expect((await readdir(kept)).sort()).toEqual(['FORK-ALARM.json', 'accepted.json', 'tree-head.note']);
});

test('another log than the one that was compared is not accepted, nor words that name none', async () => {
  const heads = await headsToCompare(parts);
  const other = new Restored(sealed.logKey, 9, 6, 'rewritten ');
  expect(await continues(parts, other.named(7), heads)).toBe(false);
  expect(await continues(parts, restored.named(9), heads)).toBe(false);
  for (const words of ['', '7', restored.named(7).slice(0, 40), `${restored.named(7)}0`])
    expect(await continues(parts, words, heads)).toBe(false);
});

test('what no pinned key signed is shown to nobody', async () => {
  restored = new Restored(sealedPlan().logKey, 9, 6, '');
  await expect(headsToCompare(parts)).rejects.toThrow(/isn't signed by a key of the pinned trust file/);
});

test('an agent that runs is stopped first, and keeps its alarm', async () => {
  const hold = await holdCell(dir);
  const heads = await headsToCompare(parts);
  await expect(acceptRestoredLog(parts, heads, 'x', new Date(0))).rejects.toThrow(/Stop the agent first/);
  await hold.release();
  expect(await left()).toContain('FORK-ALARM.json');
});
