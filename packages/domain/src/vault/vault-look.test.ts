import { MINUTE_MS, NOON } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import {
  lostNowMs,
  seenVault,
  type ToldVault,
  VAULT_LOOK_MAX_AGE_MS,
  vaultMend,
  vaultState,
  vaultText,
} from './vault-look.ts';

const SOUND: ToldVault = {
  ...{ store: 'main', where: 'vault', point: { id: 'rp-1', ageMs: 30 * MINUTE_MS } },
  ...{ lostMs: 10_000, rpoMs: MINUTE_MS, ageMs: 1_000 },
};
const seen = (more: Partial<ToldVault> = {}, without: readonly (keyof ToldVault)[] = []) => {
  const told = { ...SOUND, ...more };
  for (const each of without) delete (told as Record<string, unknown>)[each];
  return seenVault('shared', told, NOON);
};

test.each([
  ['one with a restore point and its log is kept', 'kept', seen(), NOON],
  ['one whose last moment is longer ago than its agent’s bound is exposed', 'exposed', seen(), NOON + MINUTE_MS],
  ['without a bound none is', 'kept', seen({}, ['rpoMs']), NOON + MINUTE_MS],
  ['a gap is one however little would be lost', 'gap', seen({ gap: 'segment 6 is gone' }), NOON],
  ['without a restore point there is nothing', 'none', seen({}, ['point', 'lostMs']), NOON],
  ['one that nobody has looked at is unseen', 'unseen', seen({ why: 'away' }, ['ageMs', 'point', 'lostMs']), NOON],
  [
    'one that is half way back in its place is that, whatever was seen',
    'half-way',
    seen({ halfWay: 'half done' }),
    NOON,
  ],
  [
    'also when nobody looked since',
    'half-way',
    seen({ halfWay: 'half done' }, ['ageMs', 'point', 'lostMs']),
    NOON + 2 * VAULT_LOOK_MAX_AGE_MS,
  ],
  ['so is one of long ago, whatever it said', 'unseen', seen({ ageMs: VAULT_LOOK_MAX_AGE_MS + 1 }), NOON],
  ['and one of which it isn’t known what comes back', 'unseen', seen({}, ['lostMs']), NOON],
] as const)('%s', (_, state, look, now) => {
  expect(vaultState(look, now)).toBe(state);
  expect(vaultMend(look, now) === '').toBe(state === 'kept');
});

test('what mends a store with a repository of its own is named as it is there', () => {
  for (const look of [seen({ where: 'repository' }, ['point', 'lostMs']), seen({ where: 'repository', gap: 'gone' })]) {
    const mend = vaultMend(look, NOON);
    expect(mend).toContain('pgbackrest.logEveryMs');
    expect(mend).toContain('headgate-agent restore-points list --config FILE --cell');
    expect(mend).not.toContain('vault.wal');
  }
});

test('what would be lost grows with every second in which nobody tells of more', () => {
  expect(lostNowMs(seen(), NOON + 5_000)).toBe(15_000);
});

test('a look is told with what is wrong by its name, what came to nothing last, and since when nobody looked', () => {
  const words = vaultText(seen({ gap: 'segment 6 is gone', why: 'no answer', unreadable: 1 }), NOON);
  expect(words).toBe(
    'newest restore point rp-1 of 30 min ago, in its vault; the last 10 s would be lost now; GAP in its log: segment 6 is gone; 1 restore point can’t be brought back; LAST TRY: no answer',
  );
  expect(vaultText(seen(), NOON + VAULT_LOOK_MAX_AGE_MS)).toMatch(/NOBODY HAS LOOKED since/);
  expect(vaultText(seen({}, ['point', 'lostMs']), NOON)).toBe(
    'NO restore point in its vault: nothing could be brought back',
  );
  expect(vaultText(seen({ where: 'repository', why: 'away' }, ['ageMs']), NOON)).toBe(
    'nobody knows what lies in its repository: away',
  );
});
