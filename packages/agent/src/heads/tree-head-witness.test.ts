import { mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  consistencyProof,
  digestOf,
  Frontier,
  generateNoteKey,
  hexOf,
  type NodeId,
  type NoteSigner,
  noteSigner,
  openTreeHead,
  parseVerifierKey,
  signTreeHead,
} from '@headgate/documents';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silent } from '../testing/bench-agent.ts';
import { ORIGIN, type SealedPlan, sealedPlan } from '../testing/sealed-plan.ts';
import { TreeHeadWitness } from './tree-head-witness.ts';
import { witnessKey } from './witness-key.ts';

/** A real log of leaves with its own key; another `salt` makes another history. */
class SmallLog {
  readonly nodes = new Map<string, Buffer>();
  readonly #frontier = Frontier.empty();
  readonly #salt: string;
  #key: NoteSigner;

  constructor(key: NoteSigner, salt = '') {
    this.#key = key;
    this.#salt = salt;
  }

  grow(size: number): this {
    while (this.#frontier.size < size) {
      const leaf = Buffer.from(hexOf(digestOf(`${this.#salt}${this.#frontier.size}`)), 'hex');
      for (const { level, index, hash } of this.#frontier.append(leaf)) this.nodes.set(`${level}/${index}`, hash);
    }
    return this;
  }

  signedBy(key: NoteSigner): this {
    this.#key = key;
    return this;
  }

  note(): string {
    return signTreeHead({ origin: ORIGIN, size: this.#frontier.size, root: this.#frontier.root() }, this.#key);
  }

  async proof(from: number, to: number): Promise<Buffer[]> {
    const nodes = async (ids: readonly NodeId[]) =>
      ids.map(({ level, index }) => this.nodes.get(`${level}/${index}`) ?? Buffer.alloc(32));
    return consistencyProof({ nodes }, from, to);
  }
}

let sealed: SealedPlan;
let dir: string;
let log: SmallLog | undefined;
const { signal } = new AbortController();

const plane = {
  head: async () => log?.note(),
  consistency: async (from: number, to: number) => (await log?.proof(from, to)) ?? [],
};

async function witness(): Promise<TreeHeadWitness> {
  return TreeHeadWitness.open({
    dataDir: dir,
    trust: sealed.trust,
    plane,
    key: await witnessKey(dir, 'agt_1'),
    log: silent,
  });
}

const file = (name: string) => readFile(join(dir, name), 'utf8');

beforeEach(async () => {
  sealed = sealedPlan();
  log = new SmallLog(sealed.logKey);
  dir = await mkdtemp(join(tmpdir(), 'headgate-heads-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('a head', () => {
  test('that continues the held one is kept and co-signed with the agent’s own key', async () => {
    const own = await witness();
    for (const size of [1, 2, 7, 8, 300]) {
      log!.grow(size);
      await own.look(signal);
      expect(own.held?.size).toBe(size);
      expect(await file('tree-head.note')).toBe(log!.note());
    }
    expect(own.alarm.trouble).toBeUndefined();
    const verifier = parseVerifierKey((await file('witness.pub')).trim());
    if (!verifier.ok) throw new Error(verifier.why);
    const trust = { ...sealed.trust.log, witnesses: [verifier.key], minWitnesses: 1 };
    expect(openTreeHead(await file('tree-head.cosigned.note'), trust)).toMatchObject({
      ok: true,
      head: { size: 300 },
      cosignatures: [{ name: 'agt_1' }],
    });
  });

  test('is still held after a restart, and demanded to be continued', async () => {
    log!.grow(5);
    await (await witness()).look(signal);
    const again = await witness();
    expect(again.held?.size).toBe(5);
    log!.grow(9);
    await again.look(signal);
    expect(again.held?.size).toBe(9);
  });

  test('that stands still although the server took an answer of ours is the log’s newest no more', async () => {
    const minute = 60_000;
    log!.grow(5);
    const own = await witness();
    await own.look(signal);
    const settledAt = performance.now() - 3 * minute;
    own.owes(settledAt);
    own.owes(settledAt + 2 * minute);
    await own.look(signal);
    expect(own.standsStill(settledAt + minute)).toBeUndefined();
    expect(own.standsStill(settledAt + minute + 1)?.why).toMatch(/^the log has stood at 5 entries for 60 s/);
    log!.grow(6);
    await own.look(signal);
    expect(own.standsStill()).toBeUndefined();
  });

  test('that was asked for before the server took our answer does not show it', async () => {
    log!.grow(5);
    const own = await witness();
    const later = performance.now() + 1_000;
    own.owes(later);
    await own.look(signal);
    expect(own.standsStill(later + 60_001)).toBeDefined();
  });

  test('signed by a key that was not pinned is not taken up, nor held against the log', async () => {
    log!.grow(3);
    const own = await witness();
    await own.look(signal);
    log!.grow(4).signedBy(noteSigner(ORIGIN, 'tree-head', generateNoteKey(ORIGIN, 'tree-head').privateKeyPem));
    await own.look(signal);
    expect(own.held?.size).toBe(3);
    expect(own.alarm.trouble).toBeUndefined();
  });

  test('that somebody wrote into our folder keeps the agent from starting', async () => {
    const foreign = noteSigner(ORIGIN, 'tree-head', generateNoteKey(ORIGIN, 'tree-head').privateKeyPem);
    await writeFile(join(dir, 'tree-head.note'), new SmallLog(foreign).grow(3).note());
    await expect(witness()).rejects.toThrow(/does not verify with the pinned trust file/);
  });
});

describe('the alarm is raised, and the held head kept, by', () => {
  const cases: [string, string, () => SmallLog | undefined][] = [
    ['a tail that was cut', 'head-shrunk', () => new SmallLog(sealed.logKey).grow(6)],
    ['a log that is gone', 'head-shrunk', () => undefined],
    ['another history of the same size', 'head-forked', () => new SmallLog(sealed.logKey, 'other').grow(10)],
    ['another history that is longer', 'head-forked', () => new SmallLog(sealed.logKey, 'other').grow(20)],
  ];
  test.each(cases)('%s', async (_title, code, offered) => {
    log!.grow(10);
    const held = log!.note();
    const own = await witness();
    await own.look(signal);
    log = offered();
    await own.look(signal);
    expect(own.alarm.trouble?.why).toMatch(/FORK-ALARM/);
    expect(JSON.parse(await file('FORK-ALARM.json'))).toMatchObject({ code, held, offered: log?.note() ?? '' });
    expect(await file('tree-head.note')).toBe(held);
    // It outlives a restart, and a person can lift it.
    const again = await witness();
    expect(again.alarm.trouble?.why).toBeDefined();
    await unlink(join(dir, 'FORK-ALARM.json'));
    expect(again.alarm.trouble).toBeUndefined();
  });

  test('a proof that does not fit', async () => {
    log!.grow(5);
    const own = await witness();
    await own.look(signal);
    log!.grow(9);
    const lie = { ...plane, consistency: async () => [Buffer.alloc(32)] };
    const key = await witnessKey(dir, 'agt_1');
    const deceived = await TreeHeadWitness.open({ dataDir: dir, trust: sealed.trust, plane: lie, key, log: silent });
    await deceived.look(signal);
    expect(deceived.alarm.trouble?.why).toBeDefined();
  });
});
