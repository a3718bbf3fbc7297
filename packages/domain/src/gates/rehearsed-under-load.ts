/** What the gate `rehearsed` asks of the pass under load: that users worked with every version that serves meanwhile. */
import { durationText } from '../model/duration.ts';
import type { RehearsalEvidence } from '../rehearsal/rehearsal.ts';
import { LEAST_TRANSACTIONS, type UnderLoadEvidence } from '../rehearsal/under-load.ts';
import type { GateFacts } from './gate.ts';
import type { BusinessAsked, BusinessLack } from './rehearsed-business.ts';

/** Newest first; one that did not go well is none of them. */
type Sound = readonly [RehearsalEvidence, ...RehearsalEvidence[]];

/** Why rehearsals don't show that migrations bear being interrupted while users work; undefined: they do. */
export function loadLack(
  sound: Sound,
  { serving, verification: own }: Pick<GateFacts, 'serving' | 'verification'>,
  { verification, from, release }: BusinessAsked,
): BusinessLack | undefined {
  const command = `headgate rehearse ${release} --from STORE --config FILE --under-load --key KEY --attach`;
  const newest = sound[0].underLoad;
  if (newest === undefined)
    return {
      why: `the newest rehearsal on a copy of ${from} ran nothing under load`,
      unblock: `rehearse it in a cell whose configuration says how (rehearsal): ${command}`,
    };
  const wanted = verification ?? own?.digest;
  if (wanted === undefined)
    return { why: 'it isn’t known which Verification the plan checks by', unblock: 'plan it again' };
  if (newest.verification.digest !== wanted)
    return {
      why: `the newest rehearsal on a copy of ${from} ran ${newest.verification.name} (${newest.verification.digest}) under load; asked for is ${wanted}`,
      unblock: `rehearse it by that one: ${command}; or a policy that names the other one (verification)`,
    };
  if (!(newest.transactions >= LEAST_TRANSACTIONS))
    return {
      why: `${newest.transactions} business transactions ended while the migrations ran in the newest rehearsal on a copy of ${from}, and at least ${LEAST_TRANSACTIONS} have to`,
      unblock: `rehearse it with more sessions (--sessions) or a shorter pace (--pace): ${command}`,
    };
  if (serving === undefined)
    return { why: 'it isn’t known which versions serve where the plan begins', unblock: 'plan it again' };
  const ran = new Set(ranBy(sound, newest).map(({ old }) => old));
  const lacking = [...new Set(serving)].filter((version) => !ran.has(version));
  if (lacking.length === 0) return undefined;
  const which = lacking.slice(0, 3).join(', ');
  return {
    why: `nobody worked with ${which} while its migrations ran in a rehearsal on a copy of ${from}, and ${lacking.length === 1 ? 'that serves' : 'those serve'}`,
    unblock: `rehearse it where ${which} runs, with STORE of that cell: ${command}`,
  };
}

/** What went well, for a verdict that passes. */
export function loadText(sound: Sound): string {
  const newest = sound[0].underLoad;
  if (newest === undefined) return '';
  const all = ranBy(sound, newest);
  const versions = [...new Set(all.map(({ old }) => old))].slice(0, 3).join(', ');
  const times = all.reduce((sum, { interruptions }) => sum + interruptions, 0);
  const transactions = all.reduce((sum, each) => sum + each.transactions, 0);
  const longest = Math.max(...all.map(({ longestMs }) => longestMs));
  const held = all.filter((each) => each.held === true).length;
  if (held === all.length)
    return `; interrupted ${times} times while its tenant was held, it came out the same, and its restore point, too; ${transactions} business transactions of users of ${versions} were turned away meanwhile`;
  return `; interrupted ${times} times while users of ${versions} carried out ${transactions} business transactions, it lost and doubled none, and one took at most ${durationText(Math.ceil(longest))}`;
}

function ranBy(sound: Sound, { verification }: UnderLoadEvidence): readonly UnderLoadEvidence[] {
  return sound.flatMap(({ underLoad }) =>
    underLoad?.verification.digest === verification.digest && underLoad.transactions >= LEAST_TRANSACTIONS
      ? [underLoad]
      : [],
  );
}
