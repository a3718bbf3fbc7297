import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { Loop } from './loop.ts';
import { Wake } from './wake.ts';

const log = pino({ level: 'silent' });
const tick = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a wake-up', () => {
  it('that comes while somebody looks is not lost', async () => {
    const wake = new Wake();
    const { signal } = new AbortController();
    const { signals } = wake;
    wake.signal();
    const from = performance.now();
    await wake.wait(5_000, signal, signals);
    expect(performance.now() - from).toBeLessThan(1_000);
  });

  it('is over when it is stopped, and leaves nothing behind', async () => {
    const wake = new Wake();
    const stop = new AbortController();
    const waiting = wake.wait(60_000, stop.signal);
    stop.abort();
    await waiting;
    await wake.wait(60_000, stop.signal);
  });
});

describe('a loop', () => {
  it('goes on at once while there is more, and at a wake-up when there was not', async () => {
    const wake = new Wake();
    const stop = new AbortController();
    let left = 3;
    let rounds = 0;
    const round = async () => {
      rounds += 1;
      return left-- > 0;
    };
    const loop = new Loop({ name: 'x', round, wake, pauseMs: 60_000, stop: stop.signal, log });
    loop.start();
    await tick(20);
    expect(rounds).toBe(4);
    wake.signal();
    await tick(20);
    expect(rounds).toBe(5);
    expect(loop.health(5_000)).toEqual({ ready: true, why: '' });
    stop.abort();
    await loop.ended();
  });

  it('survives rounds that throw, says why it is not sound, and goes on when they end well', async () => {
    const stop = new AbortController();
    let broken = true;
    const round = async () => {
      if (broken) throw new Error('the database is away');
      return false;
    };
    const loop = new Loop({ name: 'x', round, wake: new Wake(), pauseMs: 10, stop: stop.signal, log });
    loop.start();
    await tick(20);
    expect(loop.health(5_000)).toEqual({ ready: false, why: 'the database is away' });
    broken = false;
    const end = performance.now() + 5_000;
    while (!loop.health(5_000).ready && performance.now() < end) await tick(20);
    expect(loop.health(5_000).ready).toBe(true);
    stop.abort();
    await loop.ended();
  });
});
