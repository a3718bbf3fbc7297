/** A cell's schedule in lines for a person. */
import { ageText } from '@headgate/domain/model/duration';
import type { StoreSchedule } from './scheduler.ts';

export function scheduleLines(schedule: readonly StoreSchedule[], now: number): readonly string[] {
  return schedule.flatMap(({ store, points, drills, atWork }) => [
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
