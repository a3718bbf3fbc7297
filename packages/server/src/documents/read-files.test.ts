import { describe, expect, test } from 'vitest';
import { DOCUMENTS } from '../testing/small-company.ts';
import { readAll } from './read-all.ts';
import { readAside } from './read-files.ts';

/** Small enough to be sent, and seconds to be read. */
const HOSTILE = { name: 'hostile.yaml', text: `[${'a,'.repeat(200_000)}]` };

describe('what is read on a thread of its own', () => {
  test.each([
    ['good', DOCUMENTS],
    ['malformed', DOCUMENTS.replace('rollbackScope: all', 'rollbackScope: everything')],
    ['without what it names', DOCUMENTS.replace('policy: careful', 'policy: none')],
    ['no YAML', 'a: [b'],
  ])('is what would be read here: %s', async (_title, text) => {
    const files = [{ name: 'shop.yaml', text }];
    expect(await readAside(files, [])).toEqual(readAll(files, []));
  });

  test('holds up nobody', async () => {
    let turns = 0;
    const turning = setInterval(() => turns++, 1);
    const read = await readAside([HOSTILE], []);
    clearInterval(turning);
    expect(read).toMatchObject({ ok: false });
    expect(turns).toBeGreaterThan(10);
  });

  test('is refused when it takes too long, and ended', async () => {
    expect(await readAside([HOSTILE], [], 1)).toMatchObject({
      ok: false,
      refusals: [{ code: 'documents-not-read', unblock: 'apply fewer documents at a time' }],
    });
  });
});
