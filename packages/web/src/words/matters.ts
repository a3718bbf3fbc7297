import type { Matter, Recoverability, Standby, Vault } from '@headgate/contract';
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

const VAULTS: Readonly<Record<Vault['state'], Stands>> = {
  'half-way': { word: 'half way back', tone: 'red' },
  none: { word: 'nothing', tone: 'red' },
  gap: { word: 'gap', tone: 'red' },
  exposed: { word: 'too long ago', tone: 'red' },
  unseen: { word: 'not known', tone: 'orange' },
  kept: { word: 'kept', tone: 'teal' },
};

/** Whether a store could be brought back by what lies in its vault. */
export function vaultStands(state: Vault['state']): Stands {
  return VAULTS[state];
}

const RECOVERABLE: Readonly<Record<Recoverability['stores'][number]['standing'], Stands>> = {
  missed: { word: 'not within', tone: 'red' },
  'not-known': { word: 'not known', tone: 'orange' },
  unasked: { word: 'no targets', tone: 'gray' },
  met: { word: 'within', tone: 'teal' },
};

/** Whether what could be brought back of a store is within its targets. */
export function recoverableStands(standing: Recoverability['stores'][number]['standing']): Stands {
  return RECOVERABLE[standing];
}
