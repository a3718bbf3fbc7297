import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Real parts (clusters, child processes) share two cores, so files run a few at a time and may take a while to start.
const ordinary = { testTimeout: 60_000, hookTimeout: 120_000, maxWorkers: 2 };

// `expect.poll` gives up after a second by itself, in which a process that was killed on a busy machine may not have gone.
const waits = { poll: { timeout: 20_000 } };

// Tests against the real Odoo need root, Debian 12 and minutes: a run of their own, `HEADGATE_ODOO=1 vitest run`, one file
// after the other, since they share one installation and its template database.
const odoo = { testTimeout: 300_000, hookTimeout: 600_000, maxWorkers: 1, fileParallelism: false };

// Every crash point between an invoice and its acknowledgement takes a minute and more, so it is a run of its own, too:
// `HEADGATE_RECONCILE=1 vitest run`.
const crashes = 'tests/reconcile/**/*.test.ts';

/** Minutes in one file. Begun last, it would run on alone while the other worker has nothing left to do. */
const LONGEST = /\/simulator\/src\/planted\/planted\.test\.ts$/;

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const long = ({ moduleId }: TestSpecification): boolean => LONGEST.test(moduleId);
    return [...sorted.filter(long), ...sorted.filter((each) => !long(each))];
  }
}

export default defineConfig({
  test: process.env.HEADGATE_ODOO
    ? { include: ['examples/odoo/**/*.odoo.test.ts'], expect: waits, ...odoo }
    : process.env.HEADGATE_RECONCILE
      ? { include: [crashes], expect: waits, ...ordinary }
      : {
          expect: waits,
          include: ['packages/**/*.test.ts', 'examples/**/*.test.ts', 'scripts/**/*.test.ts', 'tests/**/*.test.ts'],
          exclude: [...configDefaults.exclude, '**/*.odoo.test.ts', crashes],
          sequence: { sequencer: LongestFirst },
          ...ordinary,
        },
});
