import { expect, test } from 'vitest';
import { UploadBytes } from './upload-bytes.ts';

test('uploads are admitted while there is room, people’s and agents’ each in their own', () => {
  const room = new UploadBytes(100);
  const first = room.begin('people', 60);
  expect(room.begin('people', 60)).toMatchObject({ refusal: { code: 'too-busy' } });
  expect(room.begin('people', 40)).toHaveProperty('end');
  expect(room.begin('agents', 100)).toHaveProperty('end');
  for (let i = 0; i < 2; i++) (first as { end: () => void }).end();
  expect(room.begin('people', 60)).toHaveProperty('end');
  expect(room.begin('people', 1)).toHaveProperty('refusal');
});
