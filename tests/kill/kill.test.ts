/**
 * kill -9 of everything, everywhere. By default a sample, chosen by a seed that is printed (HEADGATE_KILL_SEED chooses
 * another); with HEADGATE_KILL=all every point that the plan of 1.1.0 and the undo of 1.2.0 enumerate, in as many tellings
 * as that takes. HEADGATE_KILL_MINUTES bounds it; HEADGATE_KILL_DONE names a file of the points that were got over, so that
 * several bounded runs come to all of them.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { stdout } from 'node:process';
import { afterAll, expect, test } from 'vitest';
import { choose, rotate, type Wanted } from './choose.ts';
import { type Findings, findingsOf } from './findings.ts';
import type { KillPoint } from './points.ts';
import { sabotage } from './sabotage.ts';
import { type Scenario, tellStory } from './scenario.ts';
import { summary } from './summary.ts';

const say = (line: string): void => void stdout.write(`  ${line}\n`);
const ALL = process.env.HEADGATE_KILL === 'all';
const SEED = Number(process.env.HEADGATE_KILL_SEED ?? 20_260_105);
const DONE = process.env.HEADGATE_KILL_DONE;
const MINUTES = Number(process.env.HEADGATE_KILL_MINUTES ?? Number.POSITIVE_INFINITY);
/** Of a step, when most of its spots have a kill. */
const ATTEMPTS = 9;
/** Each telling gets through a part; points that stood in each other's way come up again. */
const MOST_TELLINGS = 12;

const everywhere = (victim: KillPoint['victim']): readonly Wanted[] => [
  { victim, where: 'commit', when: 'before' },
  { victim, where: 'commit', when: 'after' },
  { victim, where: 'effect', when: 'before' },
  { victim, where: 'effect', when: 'after' },
];
/** What the sample kills in each promotion: every victim, before and after, commits and effects. */
const SAMPLE: Readonly<Record<string, readonly Wanted[]>> = {
  '1.1.0 to staging': [
    { victim: 'agent', when: 'before' },
    { victim: 'store-postgres:staging-store', when: 'after' },
  ],
  '1.1.0 to production': [
    ...everywhere('server'),
    ...everywhere('agent'),
    ...everywhere('control-postgres'),
    ...everywhere('store-postgres:shared-store'),
    { victim: 'store-postgres:dedicated-store', where: 'effect', when: 'before' },
    { victim: 'store-postgres:dedicated-store', where: 'commit', when: 'after' },
  ],
  '1.2.0 to production': [
    { victim: 'server', where: 'commit', when: 'after' },
    { victim: 'agent', where: 'effect', when: 'before' },
    { victim: 'control-postgres', where: 'commit', when: 'before' },
    { victim: 'store-postgres:shared-store', where: 'effect', when: 'after' },
  ],
};

let scenario: Scenario | undefined;
afterAll(() => scenario?.close(), 120_000);

/** The promotion that points belong to, as they name it. */
function promotionOf(points: readonly KillPoint[]): string {
  return points[0]?.id.slice(0, points[0].id.indexOf(':')) ?? '';
}

function expectNothingWrong({ wrong }: Findings): void {
  for (const [what, each] of Object.entries(wrong)) for (const one of each) say(`${what}: ${one}`);
  expect(Object.fromEntries(Object.entries(wrong).filter(([, each]) => each.length > 0))).toEqual({});
}

/** Checks that meet a killed store turn the promotion back, as they should: it is asked for again, which takes long. */
const turnsBack = ({ victim, step }: KillPoint): boolean =>
  victim.startsWith('store-') && /\.(verify|soak)$/.test(step ?? '');

test.skipIf(ALL)(
  'a sample of kills of every victim, before and after: nothing happens twice, nothing is lost, and it goes on by itself',
  { timeout: 600_000 },
  async () => {
    say(`seed ${SEED}`);
    const chosen = new Map<string, readonly KillPoint[]>();
    scenario = await tellStory((points) => {
      const promotion = promotionOf(points);
      // Asked for again, the same ones: what fired doesn't fire again.
      const mine =
        chosen.get(promotion) ??
        choose(
          points.filter((point) => !turnsBack(point)),
          SAMPLE[promotion] ?? [],
          SEED,
        );
      chosen.set(promotion, mine);
      return mine;
    }, say);
    const found = await findingsOf(scenario);
    for (const line of summary(scenario.session.kills, scenario.points, [found])) say(line);
    expectNothingWrong(found);
    const {
      told,
      session: { kills },
    } = scenario;
    // A promotion that was asked for again has another plan, in which what was done before does not come up.
    const once = [...chosen].filter(
      ([name]) => told.filter((t) => `${t.version} to ${t.environment}` === name).length === 1,
    );
    const killed = new Set(kills.map(({ point }) => point.id));
    expect(once.flatMap(([, points]) => points.map(({ id }) => id)).filter((id) => !killed.has(id))).toEqual([]);
    expect(kills.length).toBeGreaterThanOrEqual(12);
    for (const [what, seen] of Object.entries(await sabotage(scenario, found))) expect(seen, what).toBe(true);
  },
);

test.runIf(ALL)(
  'kills of everything before and after every commit and every effect: nothing twice, nothing lost, and it goes on by itself',
  { timeout: 24 * 3_600_000 },
  async () => {
    const until = Date.now() + MINUTES * 60_000;
    const points = new Map<string, KillPoint>();
    const kills: Scenario['session']['kills'] = [];
    const found: Findings[] = [];
    const done = new Set(DONE !== undefined && existsSync(DONE) ? readFileSync(DONE, 'utf8').split('\n') : []);
    const left = (): readonly KillPoint[] => [...points.values()].filter(({ id }) => !done.has(id));
    for (let telling = 1; telling <= MOST_TELLINGS; telling++) {
      if (telling > 1 && (left().length === 0 || Date.now() > until)) break;
      say(`telling ${telling}`);
      scenario = await tellStory(
        (all, sofar) => {
          if (Date.now() > until) return [];
          const over = new Set([...done, ...sofar.map(({ point }) => point.id)]);
          const open = ({ id }: KillPoint): boolean => !over.has(id);
          // What turns a promotion back makes the telling longer by another promotion: last.
          const quick = all.filter((point) => !turnsBack(point));
          return rotate(quick.some(open) ? quick : all, telling, open);
        },
        say,
        ATTEMPTS,
      );
      for (const point of scenario.points) points.set(point.id, point);
      kills.push(...scenario.session.kills);
      const findings = await findingsOf(scenario);
      found.push(findings);
      for (const { point, trouble } of scenario.session.kills) {
        if (trouble !== undefined) continue;
        done.add(point.id);
        if (DONE !== undefined) appendFileSync(DONE, `${point.id}\n`);
      }
      for (const [what, each] of Object.entries(findings.wrong)) for (const one of each) say(`${what}: ${one}`);
      await scenario.close();
      scenario = undefined;
    }
    for (const line of summary(kills, [...points.values()], found)) say(line);
    for (const each of found) expectNothingWrong(each);
    if (Date.now() <= until) expect(left().map(({ id }) => id)).toEqual([]);
  },
);
