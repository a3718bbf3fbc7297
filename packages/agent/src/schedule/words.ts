/** A cell's schedule in lines for a person. */
import { ageText } from '@headgate/domain/model/duration';
import type { StoreSchedule } from './scheduler.ts';
import type { StoreWal } from './wal-rounds.ts';

/** A store's log stands beside its schedule; one that has no schedule may have a log. */
export function withWal(schedule: readonly StoreSchedule[], wal: readonly StoreWal[]): readonly StoreSchedule[] {
  const without = wal.filter(({ store }) => !schedule.some((each) => each.store === store));
  return [...schedule, ...without.map(({ store }) => ({ store }))].map((each): StoreSchedule => {
    const found = wal.find(({ store }) => store === each.store);
    if (found === undefined) return each;
    const { store: _, ...standing } = found;
    return { ...each, wal: standing };
  });
}

export function scheduleLines(schedule: readonly StoreSchedule[], now: number): readonly string[] {
  return schedule.flatMap(({ store, points, drills, atWork, unseen, wal }) => [
    ...(unseen === undefined ? [] : [`  store ${store}: restore points CAN’T BE LOOKED AT: ${unseen}`]),
    ...(points === undefined
      ? []
      : [
          `  store ${store}: ${points.lastAt === undefined ? 'NO restore point' : `restore point of ${ageText(Math.max(0, now - points.lastAt))} ago`}, ${nextText(points.dueAt, now)}${trouble(points.why)}`,
        ]),
    ...(drills === undefined
      ? []
      : [
          `  store ${store}: ${drills.words === undefined ? 'never drilled by schedule' : `last drill: ${drills.words}`}, ${nextText(drills.dueAt, now)}${trouble(drills.why)}${drills.untold ? '; the server has not heard' : ''}`,
        ]),
    ...(wal === undefined
      ? []
      : [
          `  store ${store}: ${wal.reachedAt === undefined ? `NO WAL brought to the ${wal.where} yet` : `WAL in the ${wal.where} up to ${ageText(Math.max(0, now - wal.reachedAt))} ago`}${trouble(wal.why)}`,
        ]),
    ...(atWork === undefined
      ? []
      : [`  store ${store}: a ${atWork === 'drill' ? 'drill' : 'restore point'} is under way`]),
  ]);
}

function nextText(dueAt: number, now: number): string {
  return dueAt <= now ? 'the next is due' : `the next in ${ageText(dueAt - now)}`;
}

function trouble(why: string | undefined): string {
  return why === undefined ? '' : `; LAST TRY: ${why}`;
}
