import type { Client } from '@headgate/contract';
import { ProblemError } from '@headgate/contract';
import {
  consistencyProof,
  encodeEntry,
  Frontier,
  generateNoteKey,
  leafOf,
  type NodeId,
  noteSigner,
  parseVerifierKey,
  signTreeHead,
  type TreeNode,
} from '@headgate/documents';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifyLog } from './verify-log.ts';

const ORIGIN = 'headgate/test';
const pair = generateNoteKey(ORIGIN, 'tree-head');
const signer = noteSigner(ORIGIN, 'tree-head', pair.privateKeyPem);
const parsed = parseVerifierKey(pair.verifierKey);
if (!parsed.ok) throw new Error(parsed.why);
const keys = [parsed.key];

function entry(i: number, note = ''): Buffer {
  const encoded = encodeEntry({
    v: 1,
    stream: `s/${i % 3}`,
    version: Math.floor(i / 3) + 1,
    type: 't',
    at: i,
    by: 'sys',
    data: { i, note },
  });
  if (!encoded.ok) throw new Error(encoded.why);
  return encoded.bytes;
}

function noteOf(entries: readonly Buffer[]): string {
  const frontier = Frontier.empty();
  for (const bytes of entries) frontier.append(leafOf(bytes));
  return signTreeHead({ origin: ORIGIN, size: entries.length, root: frontier.root() }, signer);
}

/** A log keeper that hands out these entries, proves with the tree of those, and shows this head. */
function keeper(handsOut: readonly Buffer[], tree: readonly Buffer[], note: string): Client {
  const nodes = new Map<string, Buffer>();
  const frontier = Frontier.empty();
  const keep = ({ level, index, hash }: TreeNode) => nodes.set(`${level}/${index}`, hash);
  for (const bytes of tree) for (const node of frontier.append(leafOf(bytes))) keep(node);
  const store = {
    nodes: async (ids: readonly NodeId[]) => ids.map(({ level, index }) => nodes.get(`${level}/${index}`)!),
  };
  const call = async (name: string, input: { from: number; to: number; limit: number }) => {
    if (name === 'logHead') return note;
    if (name === 'logConsistency') {
      if (input.to > tree.length)
        throw new ProblemError({ type: '', title: '', status: 409, detail: '', instance: '', refusals: [] });
      const proof = await consistencyProof(store, input.from, input.to);
      return { proof: proof.map((h) => Buffer.from(h).toString('base64')) };
    }
    // A page of at most 4, so that pages are met.
    const page = handsOut.slice(input.from, input.from + Math.min(4, input.limit));
    return { entries: page.map((bytes, i) => ({ place: input.from + i, bytes: bytes.toString('base64') })) };
  };
  return { baseUrl: '', call, watch: () => [] } as unknown as Client;
}

const log = Array.from({ length: 21 }, (_, i) => entry(i));

describe('verifying a log', () => {
  it('recomputes it whole, and that it continues the head that is held', async () => {
    for (const held of [undefined, noteOf(log.slice(0, 7)), noteOf(log)])
      expect(await verifyLog(keeper(log, log, noteOf(log)), held, keys)).toMatchObject({ ok: true, entries: 21 });
  });

  it('sees a cut tail against the head that is held, though the keeper signs a shorter log', async () => {
    const cut = log.slice(0, 15);
    expect(await verifyLog(keeper(cut, cut, noteOf(cut)), noteOf(log), keys)).toMatchObject({
      ok: false,
      code: 'head-shrunk',
      firstBad: 15,
    });
    expect(await verifyLog(keeper(cut, log, noteOf(log)), noteOf(log), keys)).toMatchObject({
      ok: false,
      code: 'log-size',
      firstBad: 15,
    });
  });

  it('names the first entry that was changed, whichever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1, max: 20 }), async (place, more) => {
        const second = Math.min(20, place + more);
        const changed = log.with(place, entry(place, 'x')).with(second, entry(second, 'y'));
        const verified = await verifyLog(keeper(changed, log, noteOf(log)), noteOf(log), keys);
        expect(verified).toMatchObject({ ok: false, code: 'log-root', firstBad: place });
      }),
      { numRuns: 40 },
    );
  });

  it('sees a log that was rewritten and signed anew', async () => {
    const rewritten = log.with(4, entry(4, 'x'));
    const verified = await verifyLog(keeper(rewritten, rewritten, noteOf(rewritten)), noteOf(log), keys);
    expect(verified).toMatchObject({ ok: false, code: 'head-forked' });
  });

  it('names an entry that was dropped, swapped in or is none', async () => {
    const dropped = log.toSpliced(9, 1);
    expect(await verifyLog(keeper(dropped, dropped, noteOf(dropped)), undefined, keys)).toMatchObject({
      ok: false,
      code: 'log-gap',
    });
    const none = log.with(5, Buffer.from('{}'));
    expect(await verifyLog(keeper(none, log, noteOf(log)), undefined, keys)).toMatchObject({
      ok: false,
      code: 'log-entry',
      firstBad: 5,
    });
  });

  it('believes no head but by the given keys', async () => {
    const other = generateNoteKey(ORIGIN, 'tree-head');
    const forged = noteSigner(ORIGIN, 'tree-head', other.privateKeyPem);
    const frontier = Frontier.empty();
    for (const bytes of log) frontier.append(leafOf(bytes));
    const note = signTreeHead({ origin: ORIGIN, size: log.length, root: frontier.root() }, forged);
    expect(await verifyLog(keeper(log, log, note), undefined, keys)).toMatchObject({ ok: false, code: 'head' });
    expect(await verifyLog(keeper(log, log, noteOf(log)), note, keys)).toMatchObject({ ok: false, code: 'head' });
    expect(await verifyLog(keeper(log, log, noteOf(log)), undefined, [])).toMatchObject({ ok: false, code: 'head' });
  });
});
