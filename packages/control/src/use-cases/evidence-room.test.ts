/** How many statements a release carries, and which one goes for which. */
import type { EvidenceFact } from '@headgate/domain';
import { expect, test } from 'vitest';
import { MOST_OF_A_KEY, roomFor, withEvidence } from './evidence-room.ts';

const base = { predicateType: 'tests', subject: 'sha256:0', verified: true, keyId: 'ci' } as never as EvidenceFact;
const run = (name: string, failed: number, more: object = {}): EvidenceFact => ({
  ...base,
  digest: name as never,
  result: { passed: 9, failed, skipped: 0, exitCode: failed > 0 ? 1 : 0 },
  ...more,
});
const rehearsed = (name: string, at: number): EvidenceFact =>
  ({ ...base, predicateType: 'rehearsal', digest: name, rehearsal: { at } }) as never;
const many = (one: (name: string, i: number) => EvidenceFact, count = MOST_OF_A_KEY) =>
  Array.from({ length: count }, (_, i) => one(`n${i}`, i));

test('a red run finds room among green ones for ever, and no green run comes back for one that went', () => {
  let evidence: readonly EvidenceFact[] = many((name) => run(name, 0));
  const first = evidence[0] as EvidenceFact;
  for (const red of [run('red', 1), run('dead', 0, { result: undefined })]) {
    const room = roomFor(evidence, red);
    if (!room.ok) throw new Error(room.why);
    evidence = withEvidence(evidence, red, room.instead);
    expect(evidence).toHaveLength(MOST_OF_A_KEY);
    expect(evidence.at(-1)).toBe(red);
  }
  expect(evidence).not.toContain(first);
  expect(roomFor(evidence, first)).toMatchObject({ ok: false });
});

test('a red run is refused only where all of them are red', () => {
  expect(
    roomFor(
      many((name) => run(name, 1)),
      run('red', 1),
    ),
  ).toMatchObject({ ok: false });
});

test('of what is judged by its newest the oldest goes, and none that is older than all comes in its place', () => {
  const evidence = many((name, i) => rehearsed(name, 1_000 - i));
  const oldest = evidence.at(-1)?.digest;
  expect(roomFor(evidence, rehearsed('new', 5_000))).toEqual({ ok: true, instead: oldest });
  for (const at of [3, 1_000 - MOST_OF_A_KEY + 1])
    expect(roomFor(evidence, rehearsed('old', at))).toMatchObject({ ok: false });
});

test('each key has its own room, for each kind', () => {
  const evidence = many((name) => run(name, 0));
  expect(roomFor(evidence, run('one', 0, { keyId: 'other' }))).toEqual({ ok: true });
  expect(roomFor(evidence, rehearsed('one', 1))).toEqual({ ok: true });
  expect(roomFor(evidence.slice(1), run('one', 0))).toEqual({ ok: true });
});
