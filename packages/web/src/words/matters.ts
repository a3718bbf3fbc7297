import type { Matter, Standby } from '@headgate/contract';
import type { Stands } from './stands.ts';

const KINDS: Readonly<Record<Matter['kind'], Stands>> = {
  promotion: { word: 'promotion in trouble', tone: 'red' },
  held: { word: 'held', tone: 'red' },
  drifted: { word: 'changed by hand', tone: 'red' },
  uncertain: { word: 'uncertain', tone: 'orange' },
  alarmed: { word: 'alarm after a promotion', tone: 'orange' },
  unobserved: { word: 'not observed', tone: 'orange' },
  ended: { word: 'went wrong, and ended', tone: 'yellow' },
};

/** What kind of matter it is, in words. */
export function matterStands(kind: Matter['kind']): Stands {
  return KINDS[kind] ?? { word: kind, tone: 'red' };
}

/** Hours that an incident may be looked back for. */
export const LOOK_BACK_HOURS = [1, 6, 24, 72, 168] as const;

/** Whether a tenant is held, as far as that is known. */
export function heldStands(held: boolean | null): Stands {
  if (held === null) return { word: 'not known', tone: 'orange' };
  return held ? { word: 'held', tone: 'red' } : { word: 'not held', tone: 'gray' };
}

const STANDBYS: Readonly<Record<Standby['state'], Stands>> = {
  ready: { word: 'ready', tone: 'teal' },
  'not-ready': { word: 'not ready', tone: 'red' },
  unseen: { word: 'not known', tone: 'orange' },
};

/** Whether one could fail over to it. */
export function standbyStands(state: Standby['state']): Stands {
  return STANDBYS[state];
}
