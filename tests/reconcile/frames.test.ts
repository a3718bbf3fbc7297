import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader } from './frames.ts';

const opening = (code: number, body: string): Buffer => {
  const text = Buffer.from(body);
  const frame = Buffer.alloc(8 + text.length);
  frame.writeInt32BE(frame.length, 0);
  frame.writeInt32BE(code, 4);
  text.copy(frame, 8);
  return frame;
};
const message = ([type, body]: readonly [string, string]): Buffer => {
  const text = Buffer.from(body);
  const frame = Buffer.alloc(5 + text.length);
  frame.write(type, 0, 'latin1');
  frame.writeInt32BE(4 + text.length, 1);
  text.copy(frame, 5);
  return frame;
};

test('messages are whole, however they were cut on their way', () => {
  const messages = fc.array(fc.tuple(fc.constantFrom('Q', 'P', 'B', 'S', 'Z', 'p'), fc.string()), { maxLength: 20 });
  fc.assert(
    fc.property(messages, fc.boolean(), fc.array(fc.nat(40), { maxLength: 30 }), (sent, encrypted, cuts) => {
      const first = [...(encrypted ? [opening(80_877_103, '')] : []), opening(196_608, 'user\0app\0\0')];
      const all = Buffer.concat([...first, ...sent.map(message)]);
      const seen: string[] = [];
      const reader = new FrameReader(true, ({ type, frame }) => seen.push(`${type}${frame.length}`));
      let at = 0;
      for (const length of [...cuts, all.length]) {
        if (at < all.length) reader.read(all.subarray(at, at + length));
        at += length;
      }
      expect(seen).toEqual([
        ...first.map((frame) => `${frame.length}`),
        ...sent.map((each) => `${each[0]}${message(each).length}`),
      ]);
    }),
  );
});
