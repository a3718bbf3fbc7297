/** A story in whose midst people do what people may do, told against a real server. */
import type { Client, Promotion } from '@headgate/contract';
import { RealServer, until } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Chapter } from './chapters.ts';
import { type Teller, tellChapters } from './tell-chapters.ts';

let server: RealServer;
let company: SmallCompany;
let developer: Client;
let operator: Client;
let approver: Client;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  [developer, operator, approver] = await Promise.all([
    server.client('developer'),
    server.client('operator'),
    server.client('approver'),
  ]);
});
afterAll(() => server?.remove());

const chapter = async (version: string, environment: string) => ({
  ...({ version, environment, expected: 'promoted' } satisfies Chapter),
  release: { digest: await company.release(version), version },
});

interface Told {
  readonly said: string[];
  readonly asked: string[];
}

/** Tells chapters while an agent works, from `begins` on; `approve` is what a person does with each promotion. */
async function told(
  chapters: readonly Awaited<ReturnType<typeof chapter>>[],
  approve: (promotion: string, attempt: number) => Promise<void>,
  again: Teller['again'] | 'nobody' = async () => {},
  begins: Promise<void> = Promise.resolve(),
): Promise<Told> {
  const [said, asked]: [string[], string[]] = [[], []];
  const teller: Teller = {
    client: developer,
    say: (line) => said.push(line),
    approve: (promotion) => {
      asked.push(promotion);
      return approve(promotion, asked.length);
    },
    ...(again !== 'nobody' && { again }),
  };
  let over = false;
  const works = begins.then(async () => {
    // It works for a while at a time, and a slow machine takes longer than that for a story.
    while (!over)
      await company
        .carryOut(async () => over)
        .catch((error: Error) => {
          if (!error.message.startsWith('not done')) throw error;
        });
  });
  try {
    await tellChapters(teller, chapters);
  } finally {
    over = true;
    await works;
  }
  return { said, asked };
}

const yes = async (promotion: string): Promise<void> => {
  const { envelope } = await developer.call('showPromotion', { promotion });
  await approver.call('approvePromotion', { promotion, body: { envelope } });
};
const results = async (environment: string): Promise<readonly Promotion['result'][]> => {
  const { items } = await developer.call('listPromotions', { environment, order: 'asc' });
  return items.map(({ result }) => result);
};

test('a promotion that a person rolls back in its midst is told, and asked for anew when they like', async () => {
  const spoken = Promise.withResolvers<void>();
  const { said, asked } = await told(
    [await chapter('1.1.0', 'staging')],
    async (promotion, attempt) => {
      if (attempt > 1) return;
      await until('it is under way', async () => {
        const { wave } = await developer.call('showPromotion', { promotion });
        return wave > 0;
      });
      await operator.call('rollBackPromotion', { promotion, body: { reason: 'to see what it does' } });
      spoken.resolve();
    },
    undefined,
    // Nobody carries anything out before the person has spoken.
    spoken.promise,
  );
  expect(asked.length).toBe(2);
  expect(said.join('\n')).toMatch(/1\.1\.0 → staging ended rolled-back \(.*to see what it does.*the story waits here/);
  expect(await results('staging')).toEqual(['rolled-back', 'promoted']);
});

test('told once more, what has happened stays, and nothing is asked for again', async () => {
  const { said, asked } = await told([await chapter('1.1.0', 'staging')], async () => {});
  expect([said, asked]).toEqual([['1.1.0 → staging: promoted already'], []]);
});

test('a promotion that is rejected waits, and goes on with the one that somebody asks for elsewhere', async () => {
  const waited: boolean[] = [];
  const production = await chapter('1.1.0', 'production');
  const { said } = await told(
    [production],
    async (promotion, attempt) => {
      if (attempt > 1) return yes(promotion);
      await approver.call('rejectPromotion', { promotion, body: { reason: 'not today' } });
    },
    async (_, others) => {
      waited.push(await others());
      await developer.call('requestPromotion', {
        body: { release: production.release.digest, environment: 'production' },
      });
      waited.push(await others());
    },
  );
  expect(waited).toEqual([false, true]);
  expect(said.join('\n')).toContain('ended rejected (usr_approver: not today)');
  expect(await results('production')).toEqual(['rejected', 'promoted']);
});

test('without a person it ends in words, and the next telling goes on from there', async () => {
  const next = [await chapter('1.2.0', 'staging'), await chapter('1.2.0', 'production')];
  const reject = async (promotion: string) => {
    const { environment } = await developer.call('showPromotion', { promotion });
    if (environment === 'staging') return;
    await approver.call('rejectPromotion', { promotion, body: { reason: 'no' } });
  };
  await expect(told(next, reject, 'nobody')).rejects.toThrow(
    /1\.2\.0 → production ended rejected .*the next start in this folder goes on from here/,
  );
  const { said } = await told(next, yes, 'nobody');
  expect(said[0]).toBe('1.2.0 → staging: promoted already');
  expect(said[1]).toMatch(/ended rejected .*it is asked for again/);
  expect(await results('production')).toEqual(['rejected', 'promoted', 'rejected', 'promoted']);
});

test('a request that is refused is told with its reason, and waited with', async () => {
  // What was adopted is where it is: nobody promotes it.
  const there = { ...(await chapter('1.2.0', 'production')), expected: 'rolled-back' as const };
  let waits = 0;
  const given = new Error('given up');
  const said: string[] = [];
  const teller: Teller = {
    client: developer,
    say: (line) => said.push(line),
    approve: async () => {},
    again: async () => {
      waits += 1;
      throw given;
    },
  };
  await expect(tellChapters(teller, [there])).rejects.toBe(given);
  expect(waits).toBe(1);
  expect(said.at(-1)).toMatch(/1\.2\.0 → production is refused: .*the story waits here/);
});
