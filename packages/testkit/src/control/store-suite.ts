/**
 * The meaning of the control plane's storage ports, as tests. A new implementation proves itself with one call:
 *
 *   describeControlStore('PostgreSQL', async () => ({ store, second, log, secondLog, blobs, advance, close }));
 */
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { blobRules } from './blob-rules.ts';
import { commitRules } from './commit-rules.ts';
import { concurrencyRules } from './concurrency-rules.ts';
import { dueRules } from './due-rules.ts';
import { logRules } from './log-rules.ts';
import { queryRules } from './query-rules.ts';
import { timeRules } from './time-rules.ts';
import { type ControlUnderTest, World } from './world.ts';

export type { ControlUnderTest };

export function describeControlStore(name: string, make: () => Promise<ControlUnderTest>): void {
  describe(`control store: ${name}`, () => {
    let world: World | undefined;
    beforeAll(async () => {
      world = new World(await make());
    });
    afterEach(async () => {
      await world?.settle();
    });
    afterAll(async () => {
      await world?.under.close();
    });
    const of = (): World => {
      if (world === undefined) throw new Error('the store under test was not made');
      return world;
    };
    describe('commit', () => commitRules(of));
    describe('commits side by side', () => concurrencyRules(of));
    describe('due rows', () => dueRules(of));
    describe('queries', () => queryRules(of));
    describe('queries by time', () => timeRules(of));
    describe('log', () => logRules(of));
    describe('blobs', () => blobRules(of));
  });
}
