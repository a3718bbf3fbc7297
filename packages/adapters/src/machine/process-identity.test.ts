import { expect, test } from 'vitest';
import { ageMs, identify } from './process-identity.ts';

test('a process is as old as it says itself', () => {
  const own = identify(process.pid);
  if (own === undefined) throw new Error('this process has no identity');
  const differMs = ageMs(own) - process.uptime() * 1_000;
  // Until Node counts its own time it has been there for a moment already.
  expect(Math.abs(differMs)).toBeLessThan(5_000);
});

test('one of another boot is older than this one', () => {
  const upMs = ageMs({ pid: 1, startTicks: '9', bootId: 'another' });
  expect(upMs).toBeGreaterThan(process.uptime() * 1_000);
});
