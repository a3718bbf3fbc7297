import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  entriesOf,
  entryAt,
  exportOf,
  headOf,
  keeper,
  MemoryExport,
  ORIGIN,
  verify,
  witness,
} from './export.test-support.ts';
import { generateNoteKey, noteSigner } from './note-key.ts';
import { CHECKPOINT, writeBundle } from './tiles.ts';
import { cosignTreeHead, signTreeHead } from './tree-head.ts';
import { witnessNotePath } from './verify-export.ts';

const SIZE = 700;
const entries = entriesOf(SIZE);
const whole = exportOf(entries);
const NOTE = witnessNotePath(witness.key.keyId);

describe('an exported log verifies', () => {
  it('offline, with its witnesses, at whatever size', () => {
    for (const size of [1, 255, 256, 257, SIZE])
      expect(verify(exportOf(entries.slice(0, size)))).toMatchObject({
        ok: true,
        entries: size,
        witnessed: { size, by: [`agt_1+${witness.key.keyId}`] },
      });
  });

  it('and continues every head that was held before', () => {
    const held = [1, 256, 300].map((size) => ({ note: headOf(exportOf(entries.slice(0, size))), from: `${size}` }));
    expect(verify(whole, { held, earlier: exportOf(entries.slice(0, 500)) })).toMatchObject({ ok: true, heads: 5 });
  });

  it('as far as a witness came, when its head is older', () => {
    const older = exportOf(entries.slice(0, 400)).files.get(NOTE) as Buffer;
    expect(verify(whole.with(NOTE, older))).toMatchObject({ ok: true, entries: SIZE, witnessed: { size: 400 } });
  });
});

describe('an exported log is refused', () => {
  it('with any byte of any file changed, and the entry named when it is one', () => {
    const files = [...whole.files].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const anywhere = fc
      .constantFrom(...files)
      .chain(([path, bytes]) =>
        fc.tuple(fc.constant(path), fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })),
      );
    fc.assert(
      fc.property(anywhere, ([path, at, mask]) => {
        const bytes = Buffer.from(whole.files.get(path) as Buffer);
        bytes[at] = (bytes[at] as number) ^ mask;
        const verdict = verify(whole.with(path, bytes));
        expect(verdict.ok).toBe(false);
        if (verdict.ok || !path.startsWith('tile/entries/')) return;
        // Which entry the byte belongs to, counted by hand.
        let place = Number(path.slice('tile/entries/'.length, 'tile/entries/'.length + 3)) * 256;
        for (let end = 2 + (entries[place] as Buffer).length; end <= at; end += 2 + (entries[place] as Buffer).length)
          place += 1;
        expect(verdict.firstBad).toBe(place);
      }),
      { numRuns: 300 },
    );
  });

  it('with two entries that changed places, the first named', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.nat(255), (a, b) => {
        fc.pre(a !== b);
        const bundle = entries.slice(256, 512);
        const swapped = bundle.with(a, bundle[b] as Buffer).with(b, bundle[a] as Buffer);
        const verdict = verify(whole.with('tile/entries/001', writeBundle(swapped)));
        expect(verdict).toMatchObject({ ok: false, code: 'log-root', firstBad: 256 + Math.min(a, b) });
      }),
      { numRuns: 50 },
    );
  });

  it('without any one of its files', () => {
    for (const path of whole.files.keys()) {
      const verdict = verify(whole.without(path));
      const code = path === NOTE ? 'head-witnesses' : 'export-missing';
      expect(verdict).toMatchObject({ ok: false, code });
    }
  });

  it('with its tail cut: of its files, or with a head that fits what is left', () => {
    const cut = exportOf(entries.slice(0, 600));
    const held = [{ note: headOf(whole), from: 'held.note' }];
    // What is left may be another history, which the longer head alone doesn't show.
    expect(verify(cut, { held })).toMatchObject({ ok: false, code: 'head-shrunk', firstBad: 0, lastBad: 600 });
    const further = [...held, { note: headOf(exportOf(entries.slice(0, 500))), from: 'older.note' }];
    expect(verify(cut, { held: further })).toMatchObject({ code: 'head-shrunk', firstBad: 500, lastBad: 600 });
    expect(verify(cut, { held, earlier: whole })).toMatchObject({ code: 'head-shrunk', firstBad: 600 });
    expect(verify(cut.with(CHECKPOINT, Buffer.from(headOf(whole))))).toMatchObject({ ok: false });
    expect(verify(cut.with(NOTE, whole.files.get(NOTE) as Buffer))).toMatchObject({ ok: false, code: 'head-shrunk' });
  });

  it('cut and gone on from there, as after a restore: an earlier export names the first entry that is another', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 590 }), (from) => {
        const anew = entries.slice(0, 600).map((bytes, i) => (i < from ? bytes : entryAt(i, 'since the restore')));
        const verdict = verify(exportOf(anew), { earlier: whole });
        expect(verdict).toMatchObject({ ok: false, code: 'head-shrunk', firstBad: from });
        expect(verdict).not.toHaveProperty('lastBad');
        expect((verdict as { why: string }).why).toContain('what stands there now is not what stood there');
      }),
      { numRuns: 20 },
    );
  });

  it('under an older head of its own', () => {
    const older = Buffer.from(headOf(exportOf(entries.slice(0, 400))));
    const without = whole.with(CHECKPOINT, older).without(NOTE);
    expect(verify(without)).toMatchObject({ ok: false, code: 'export-extra', firstBad: 400 });
    expect(verify(whole.with(CHECKPOINT, older))).toMatchObject({ ok: false, code: 'head-shrunk' });
  });

  it('under the head of another log, or by another key', () => {
    const root = Buffer.alloc(32);
    const other = noteSigner(ORIGIN, 'tree-head', generateNoteKey(ORIGIN, 'tree-head').privateKeyPem);
    const elsewhere = signTreeHead({ origin: 'another/log', size: SIZE, root }, keeper.signer);
    for (const note of [elsewhere, headOf(exportOf(entries, other))])
      expect(verify(whole.with(CHECKPOINT, Buffer.from(note)))).toMatchObject({
        ok: false,
        code: 'head',
        file: CHECKPOINT,
      });
  });

  it('with files that are not the log’s', () => {
    for (const path of ['tile/0/003', 'tile/entries/002', 'readme', 'tile/0/../../x', '.unfinished'])
      expect(verify(whole.with(path, Buffer.alloc(1)))).toMatchObject({ ok: false, code: 'export-extra', file: path });
  });

  it('when fewer witnesses co-signed than must have', () => {
    const nobody = whole.with(NOTE, Buffer.from(headOf(whole))).without(NOTE);
    expect(verify(nobody)).toMatchObject({ ok: false, code: 'head-witnesses' });
    const uncosigned = whole.with(NOTE, Buffer.from(headOf(whole)));
    expect(verify(uncosigned)).toMatchObject({ ok: false, code: 'head', file: NOTE });
  });

  it('when the log’s keeper signed entries that are none, or skipped one of a stream', () => {
    const skipped = entries.toSpliced(300, 1);
    expect(verify(exportOf(skipped))).toMatchObject({ ok: false, code: 'log-gap', firstBad: 306 });
    expect(verify(exportOf(entries.with(44, Buffer.from('{}'))))).toMatchObject({
      ok: false,
      code: 'log-entry',
      firstBad: 44,
    });
  });
});

describe('a history that was rewritten, hashed anew and signed with the log’s own key, is refused', () => {
  const rewritten = exportOf(entries.with(345, entryAt(345, 'nothing happened')));

  it('by the head of a witness, which says between which heads', () => {
    const held = [1, 256, 300, 400].map((size) => ({
      note: headOf(exportOf(entries.slice(0, size))),
      from: `${size}`,
    }));
    expect(verify(rewritten, { held })).toMatchObject({ ok: false, code: 'head-forked', firstBad: 300, lastBad: 399 });
    const note = whole.files.get(NOTE) as Buffer;
    expect(verify(rewritten.with(NOTE, note))).toMatchObject({
      ok: false,
      code: 'head-forked',
      firstBad: 0,
      lastBad: SIZE - 1,
    });
  });

  it('by an export from before, which names the entry', () => {
    fc.assert(
      fc.property(fc.nat(SIZE - 1), fc.integer({ min: 1, max: SIZE }), (place, size) => {
        const other = exportOf(entries.with(place, entryAt(place, 'x')));
        const verdict = verify(other, { earlier: exportOf(entries.slice(0, size)) });
        if (place >= size) expect(verdict.ok).toBe(true);
        else expect(verdict).toMatchObject({ ok: false, code: 'head-forked', firstBad: place });
      }),
      { numRuns: 40 },
    );
  });

  it('but not by an export from before that its own head does not prove', () => {
    const forged = exportOf(entries.slice(0, 300)).with('tile/0/001.p/44', Buffer.alloc(44 * 32));
    expect(verify(whole, { earlier: forged })).toMatchObject({ ok: false, code: 'head' });
    expect(verify(whole, { earlier: new MemoryExport() })).toMatchObject({ ok: false, code: 'export-missing' });
  });

  it('also when the witness alone kept it, in a note of the export', () => {
    const note = cosignTreeHead(headOf(exportOf(entries.slice(0, 346))), witness.signer, 5_000);
    const made = rewritten.with(NOTE, Buffer.from(note));
    expect(verify(made)).toMatchObject({ ok: false, code: 'head-forked', firstBad: 0, lastBad: 345 });
  });
});
