import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { decodeEntry, encodeEntry, type LogEntry, leafOf, MAX_ENTRY_BYTES } from './entry.ts';

const entry: LogEntry = {
  v: 1,
  stream: 'promotion/prm_1',
  version: 1,
  type: 'promotion.requested',
  at: 1_767_225_600_000,
  by: 'usr_1',
  data: { environment: 'production', release: '1.1.0' },
};

describe('log entries', () => {
  it('have fixed bytes and a fixed leaf (the first test vector of docs/log-format.md)', () => {
    const encoded = encodeEntry(entry);
    if (!encoded.ok) throw new Error(encoded.why);
    expect(encoded.bytes.toString()).toBe(
      '{"at":1767225600000,"by":"usr_1","data":{"environment":"production","release":"1.1.0"},"stream":"promotion/prm_1","type":"promotion.requested","v":1,"version":1}',
    );
    expect(encoded.leaf).toEqual(createHash('sha256').update(Buffer.of(0)).update(encoded.bytes).digest());
    expect(encoded.leaf).toEqual(leafOf(encoded.bytes));
    expect(encoded.leaf.toString('hex')).toMatchInlineSnapshot(
      `"cdecfaf4207c0f1efe38e23d3c6a92e40423aeec0725c1e13d4447498cb58e4b"`,
    );
  });

  it('are read back as they were', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (data) => {
        const plain = JSON.parse(JSON.stringify({ ...entry, data })) as LogEntry;
        const encoded = encodeEntry(plain);
        if (!encoded.ok) throw new Error(encoded.why);
        expect(decodeEntry(encoded.bytes)).toEqual({ ok: true, entry: plain });
      }),
    );
  });

  it('hold at most 65,535 bytes', () => {
    const room = MAX_ENTRY_BYTES - (encodeEntry({ ...entry, data: { s: '' } }) as { bytes: Buffer }).bytes.length;
    const largest = encodeEntry({ ...entry, data: { s: 'x'.repeat(room) } });
    expect(largest.ok && largest.bytes.length).toBe(MAX_ENTRY_BYTES);
    const over = encodeEntry({ ...entry, data: { s: 'x'.repeat(room + 1) } });
    expect(over).toMatchObject({ ok: false, code: 'entry-too-large', why: expect.stringContaining('65536 bytes') });
    expect(decodeEntry(Buffer.alloc(MAX_ENTRY_BYTES + 1))).toMatchObject({ ok: false, code: 'entry-too-large' });
  });

  it('never take up a field that is not theirs', () => {
    const encoded = encodeEntry({ ...entry, password: 'secret' } as LogEntry);
    expect(encoded.ok && encoded.bytes.toString()).not.toContain('secret');
  });

  test.each([
    ['no version', { ...entry, version: 0 }, 'version'],
    ['no stream', { ...entry, stream: '' }, 'stream'],
    ['another v', { ...entry, v: 2 }, 'v'],
    ['a fraction of a millisecond', { ...entry, at: 0.5 }, 'at'],
    ['data that is a list', { ...entry, data: [] }, 'data'],
  ])('with %s are refused by name', (_, wrong, where) => {
    expect(encodeEntry(wrong as LogEntry)).toMatchObject({ ok: false, code: 'entry-malformed', where });
  });

  it('are refused when stored bytes are not canonical, incomplete, or no JSON, and never throw', () => {
    const text = (encodeEntry(entry) as { bytes: Buffer }).bytes.toString();
    for (const bad of [
      ` ${text}`,
      text.replace('"v":1', '"v":1.0'),
      text.replace('"v":1', '"v":1,"v":1'),
      '{}',
      'null',
      '1',
      '',
    ]) {
      expect(decodeEntry(Buffer.from(bad))).toMatchObject({ ok: false, code: 'entry-malformed' });
    }
    const replaced = (encodeEntry({ ...entry, by: 'usr_\ufffd' }) as { bytes: Buffer }).bytes.toString('latin1');
    const invalid = Buffer.from(replaced.replace('\xef\xbf\xbd', '\xff'), 'latin1');
    expect(decodeEntry(invalid)).toMatchObject({ ok: false, code: 'entry-malformed' });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeEntry(bytes).ok).toBe(false);
      }),
    );
  });
});
