import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, generateSigningKey, hexOf, sealRelease, signingKey } from '@headgate/documents';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BenchAgent, benchAgent } from '../testing/bench-agent.ts';
import { forPlan, put, withStep } from '../testing/other-plan.ts';
import { type SealedPlan, sealedPlan } from '../testing/sealed-plan.ts';

let sealed: SealedPlan;
let agent: BenchAgent;
beforeEach(async () => {
  sealed = sealedPlan();
  agent = await benchAgent(sealed);
});
afterEach(() => agent.remove());

describe('a tampered artifact never runs:', () => {
  const flipped = (bytes: Uint8Array): Uint8Array => {
    const copy = Buffer.from(bytes);
    copy[copy.length >> 1]! ^= 1;
    return copy;
  };

  test.each(['plan', 'release', 'bundle'] as const)('a flipped byte in the %s that the server sends', async (what) => {
    const digest = what === 'plan' ? sealed.forward('w1.deploy').plan : sealed[what];
    sealed.blobs.set(digest, flipped(sealed.blobs.get(digest)!));
    const outcome = await agent.carryOut(sealed.forward('w1.deploy'));
    expect(outcome).toMatchObject({ code: 'rejected', why: expect.stringMatching(/^tampered/) });
    expect(agent.cell.done).toEqual([]);
  });

  test('a flipped byte in a file, when the executor asks for it', async () => {
    const { digest } = sealed.manifest.components[0]!.files[0]!;
    sealed.blobs.set(digest, flipped(sealed.blobs.get(digest)!));
    let ran = false;
    agent.cell.act = async (_action, ctx) => {
      await ctx.blob(digest);
      ran = true;
      return { kind: 'done', result: {} };
    };
    const outcome = await agent.carryOut(sealed.forward('w1.deploy'));
    expect(outcome).toMatchObject({ code: 'rejected', why: expect.stringMatching(/^tampered/) });
    expect(ran).toBe(false);
  });

  test('a flipped byte in our own cache is fetched anew', async () => {
    const { digest, size } = sealed.manifest.components[0]!.files[0]!;
    const { blobs } = agent.parts;
    const { signal } = new AbortController();
    await blobs.get(digest, signal);
    await writeFile(join(agent.dir, 'blobs', hexOf(digest)), 'x'.repeat(size));
    expect(digestOf(await blobs.get(digest, signal))).toBe(digest);
  });

  test('a manifest that was changed, under a digest of its own, with the old seal', async () => {
    const digest = put(sealed, { ...sealed.manifest, notes: 'and a back door' });
    const plan = withStep(sealed, 'w1.deploy', (action: object) => ({
      ...action,
      release: { digest, version: '1.1.0' },
    }));
    const release = { digest, version: '1.1.0' };
    const outcome = await agent.carryOut(forPlan(sealed, 'w1.deploy', { ...plan, release }, { release }));
    expect(outcome).toMatchObject({ code: 'rejected', why: expect.stringMatching(/^wrong-subject/) });
    expect(agent.cell.done).toEqual([]);
  });

  test('a release sealed by a key that the trust file does not list', async () => {
    const other = sealRelease(sealed.manifest, signingKey(generateSigningKey().privateKeyPem), 0);
    if (!other.ok) throw new Error(other.why);
    const bundle = put(sealed, other.bundle);
    const deceived = await benchAgent(sealed, { bundleOf: () => bundle });
    try {
      const outcome = await deceived.carryOut(sealed.forward('w1.deploy'));
      expect(outcome).toMatchObject({ code: 'rejected', why: expect.stringMatching(/^key-unknown/) });
      expect(deceived.cell.done).toEqual([]);
    } finally {
      await deceived.remove();
    }
  });

  test('no traffic goes to a release without a seal, whatever the server calls adopted', async () => {
    const deceived = await benchAgent(sealed, { bundleOf: () => null });
    try {
      const outcome = await deceived.carryOut(sealed.forward('w1.route'));
      expect(outcome).toMatchObject({ code: 'rejected', why: expect.stringMatching(/^not-signed/) });
    } finally {
      await deceived.remove();
    }
  });

  test('a baseline that the agent saw itself can be gone back to, not promoted', async () => {
    const seen = [{ digest: sealed.release, version: '1.1.0' }];
    const knowing = await benchAgent(sealed, { bundleOf: () => null, seen });
    try {
      expect(await knowing.carryOut(sealed.forward('w1.deploy'))).toMatchObject({
        why: expect.stringMatching(/^other-release/),
      });
      const undo = sealed.undo('undo.w1.migrate.main');
      expect(await knowing.carryOut(undo)).toMatchObject({ kind: 'done' });
    } finally {
      await knowing.remove();
    }
  });
});
