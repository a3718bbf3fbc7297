import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { encodeEntry, leafOf } from './entry.ts';
import { Frontier } from './merkle.ts';
import { parseNote } from './note.ts';
import {
  generateNoteKey,
  isNoteKeyName,
  type NoteSigner,
  type NoteVerifier,
  noteSigner,
  parseVerifierKey,
} from './note-key.ts';
import { cosignTreeHead, openTreeHead, signTreeHead } from './tree-head.ts';
import { judgeHead, LogVerifier } from './witness.ts';

const origin = 'headgate.example/log';

function keyPair(name: string, kind: 'tree-head' | 'witness'): { signer: NoteSigner; verifier: NoteVerifier } {
  const pair = generateNoteKey(name, kind);
  return { signer: noteSigner(name, kind, pair.privateKeyPem), verifier: verifierOf(pair.verifierKey) };
}

function verifierOf(line: string): NoteVerifier {
  const parsed = parseVerifierKey(line);
  if (!parsed.ok) throw new Error(parsed.why);
  return parsed.key;
}

const log = keyPair(origin, 'tree-head');
const witness = keyPair('agent.example/production', 'witness');
const trust = { origin, logKeys: [log.verifier], witnesses: [witness.verifier] };
const head = { origin, size: 5, root: leafOf(Buffer.from('root')) };

describe('note keys', () => {
  it('verify the note of the Go implementation’s documentation', () => {
    const key = verifierOf('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW');
    const parsed = parseNote(
      'If you think cryptography is the answer to your problem,\n' +
        "then you don't know what your problem is.\n\n" +
        '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
    );
    if (!parsed.ok) throw new Error(parsed.why);
    const [signature] = parsed.note.signatures;
    expect(signature?.keyId).toBe(key.keyId);
    expect(key.verify(Buffer.from(parsed.note.text), signature!.signature)).toBe(true);
    expect(key.verify(Buffer.from(`${parsed.note.text}.`), signature!.signature)).toBe(false);
  });

  it('tell kinds apart: one key has another id as a witness', () => {
    const { privateKeyPem } = generateNoteKey('a', 'tree-head');
    expect(noteSigner('a', 'tree-head', privateKeyPem).keyId).not.toBe(noteSigner('a', 'witness', privateKeyPem).keyId);
  });

  test.each(['', 'a b', 'a+b', 'a\nb', 'a\u00a0b', 'x'.repeat(201)])('can’t be called %j', (name) => {
    expect(isNoteKeyName(name)).toBe(false);
    expect(() => generateNoteKey(name, 'witness')).toThrow('note key');
  });

  it('refuse any verifier line that was changed, and never throw', () => {
    const line = log.verifier.verifierKey;
    expect(parseVerifierKey(line).ok).toBe(true);
    fc.assert(
      fc.property(fc.nat(line.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, c) => {
        const changed = line.slice(0, at) + c + line.slice(at + 1);
        expect(parseVerifierKey(changed).ok).toBe(changed === line);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseVerifierKey(text).ok).toBe(false);
      }),
    );
  });
});

describe('tree heads', () => {
  it('are C2SP checkpoints that open with the log’s key, co-signed with the witness’s time', () => {
    const note = signTreeHead(head, log.signer);
    expect(note).toMatch(
      /^headgate\.example\/log\n5\n[A-Za-z0-9+/]{43}=\n\n— headgate\.example\/log [A-Za-z0-9+/=]+\n$/,
    );
    expect(openTreeHead(note, trust)).toEqual({ ok: true, head, cosignatures: [] });
    const cosigned = cosignTreeHead(note, witness.signer, 1_767_225_600_999);
    expect(openTreeHead(cosigned, { ...trust, minWitnesses: 1 })).toEqual({
      ok: true,
      head,
      cosignatures: [{ name: witness.signer.name, keyId: witness.signer.keyId, at: 1_767_225_600_000 }],
    });
  });

  it('signed by a stranger under the log’s name are refused, and a second pinned key opens its own', () => {
    const other = keyPair(origin, 'tree-head');
    const note = signTreeHead(head, other.signer);
    expect(openTreeHead(note, trust)).toMatchObject({ ok: false, code: 'head-signature' });
    expect(openTreeHead(note, { ...trust, logKeys: [log.verifier, other.verifier] }).ok).toBe(true);
  });

  it('are refused without enough different witnesses', () => {
    const note = signTreeHead(head, log.signer);
    expect(openTreeHead(note, { ...trust, minWitnesses: 1 })).toMatchObject({ ok: false, code: 'head-witnesses' });
    const twice = cosignTreeHead(cosignTreeHead(note, witness.signer, 1_000), witness.signer, 2_000);
    expect(openTreeHead(twice, { ...trust, minWitnesses: 2 })).toMatchObject({ ok: false, code: 'head-witnesses' });
    const stranger = cosignTreeHead(note, keyPair(witness.signer.name, 'witness').signer, 1_000);
    expect(openTreeHead(stranger, { ...trust, minWitnesses: 1 })).toMatchObject({ ok: false, code: 'head-witnesses' });
  });

  it('of another log are refused', () => {
    const note = signTreeHead({ ...head, origin: 'other.example/log' }, log.signer);
    expect(openTreeHead(note, trust)).toMatchObject({ ok: false, code: 'head-origin' });
  });

  test.each([
    ['a fourth line', `${origin}\n5\n${head.root.toString('base64')}\nmore\n`],
    ['a leading zero', `${origin}\n05\n${head.root.toString('base64')}\n`],
    ['a size beyond counting', `${origin}\n9999999999999999\n${head.root.toString('base64')}\n`],
    ['a short root', `${origin}\n5\n${head.root.subarray(1).toString('base64')}\n`],
    ['no origin', `\n5\n${head.root.toString('base64')}\n`],
  ])('with %s are refused although signed', (_, text) => {
    const note = `${text}\n— ${origin} ${Buffer.concat([Buffer.from(log.signer.keyId, 'hex'), log.signer.sign(Buffer.from(text))]).toString('base64')}\n`;
    expect(openTreeHead(note, trust)).toMatchObject({ ok: false, code: 'head-malformed' });
  });

  it('do not open once a byte is changed, unless only an unknown signature was touched', () => {
    const note = Buffer.from(cosignTreeHead(signTreeHead(head, log.signer), witness.signer, 1_000));
    fc.assert(
      fc.property(fc.nat(note.length - 1), fc.integer({ min: 1, max: 255 }), (at, x) => {
        const changed = Buffer.from(note);
        changed[at]! ^= x;
        const opened = openTreeHead(changed.toString(), { ...trust, minWitnesses: 1 });
        expect(opened.ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('are read without ever throwing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(openTreeHead(text, trust).ok).toBe(false);
      }),
    );
  });
});

describe('a witness', () => {
  const before = Frontier.empty();
  before.append(leafOf(Buffer.from('a')));
  const held = { origin, size: 1, root: before.root() };
  const after = before.copy();
  const b = leafOf(Buffer.from('b'));
  after.append(b);
  const offered = { origin, size: 2, root: after.root() };

  it('takes a head that continues the held one, and says whether it is news', () => {
    expect(judgeHead(undefined, offered, [])).toEqual({ ok: true, news: true });
    expect(judgeHead(held, offered, [b])).toEqual({ ok: true, news: true });
    expect(judgeHead(offered, offered, [])).toEqual({ ok: true, news: false });
  });

  it('alarms on a cut tail and on a fork', () => {
    expect(judgeHead(offered, held, [])).toMatchObject({ ok: false, code: 'head-shrunk' });
    expect(judgeHead({ ...held, root: b }, offered, [b])).toMatchObject({ ok: false, code: 'head-forked' });
    expect(judgeHead({ ...offered, root: b }, offered, [])).toMatchObject({ ok: false, code: 'head-forked' });
    expect(judgeHead(held, { ...offered, origin: 'x' }, [b])).toMatchObject({ ok: false, code: 'head-origin' });
  });
});

describe('a whole log', () => {
  const entries = Array.from({ length: 9 }, (_, i) => {
    const encoded = encodeEntry({
      v: 1,
      stream: `s/${i % 2}`,
      version: (i >> 1) + 1,
      type: 't',
      at: i,
      by: 'sys',
      data: { i },
    });
    if (!encoded.ok) throw new Error(encoded.why);
    return encoded;
  });
  const frontier = Frontier.empty();
  for (const entry of entries) frontier.append(entry.leaf);
  const signed = { origin, size: entries.length, root: frontier.root() };
  const verdict = (list: readonly Buffer[]) => {
    const verifier = new LogVerifier();
    for (const bytes of list) verifier.add(bytes);
    return verifier.finish(signed);
  };
  const all = entries.map((entry) => entry.bytes);

  it('verifies against its signed head', () => {
    expect(verdict(all)).toEqual({ ok: true, entries: 9, root: signed.root });
  });

  it('does not verify with its tail cut, an entry changed, dropped or swapped', () => {
    expect(verdict(all.slice(0, -1))).toMatchObject({ code: 'log-size' });
    const changed = Buffer.from(all[4]!.toString().replace('"i":4', '"i":5'));
    expect(verdict(all.with(4, changed))).toMatchObject({ code: 'log-root' });
    expect(verdict(all.with(4, Buffer.from('{}')))).toMatchObject({ code: 'log-entry', where: '4' });
    expect(verdict(all.toSpliced(4, 1))).toMatchObject({ code: 'log-gap' });
    expect(verdict(all.with(3, all[4]!).with(4, all[3]!))).toMatchObject({ code: 'log-root' });
  });
});
