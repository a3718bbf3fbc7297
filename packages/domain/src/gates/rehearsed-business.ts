/** What the gate `rehearsed` asks of business transactions: whose went well on a migrated copy, and which they were. */
import type { Digest } from '../model/identity.ts';
import type { RehearsalEvidence } from '../rehearsal/rehearsal.ts';
import type { GateFacts } from './gate.ts';

/** Whose business transactions a policy asks for; undefined: nobody's. */
const WHOSE = [undefined, 'old-and-new', 'new'] as const;
export type Whose = (typeof WHOSE)[number];

export function isWhose(value: unknown): value is Whose {
  return WHOSE.some((each) => each === value);
}

export interface BusinessAsked {
  readonly whose: Whose;
  /** Which Verification counts; undefined: the Application's. */
  readonly verification: Digest | undefined;
  readonly from: string;
  readonly release: Digest;
}

export interface BusinessLack {
  readonly why: string;
  readonly unblock: string;
}

/**
 * Why a rehearsal doesn't show what is asked of business transactions; undefined: it does. `sound`: it, and those before it
 * that count beside it, newest first: no rehearsal in one cell sees a version that serves in another.
 */
export function businessLack(
  sound: readonly [RehearsalEvidence, ...RehearsalEvidence[]],
  { serving, verification: own }: Pick<GateFacts, 'serving' | 'verification'>,
  asked: BusinessAsked,
): BusinessLack | undefined {
  const { whose, from, release } = asked;
  if (whose === undefined) return undefined;
  const [{ business }] = sound;
  const command = `headgate rehearse ${release} --from STORE --config FILE --key KEY --attach`;
  const newest = `the newest rehearsal on a copy of ${from}`;
  if (business?.new !== true)
    return { why: `${newest} ran no business transactions of the new version`, unblock: `${NEW}: ${command}` };
  const wanted = asked.verification ?? own?.digest;
  if (wanted === undefined)
    return { why: 'it isn’t known which Verification the plan checks by', unblock: 'plan it again' };
  if (business.verification?.digest !== wanted) {
    const { name, digest } = business.verification ?? {};
    const ran = digest === undefined ? 'doesn’t say by which Verification it ran' : `ran those of ${name} (${digest})`;
    const not = asked.verification === undefined && own !== undefined ? `${own.name} (${wanted})` : wanted;
    return {
      why: `${newest} ${ran}; asked for are those of ${not}`,
      unblock: `rehearse it by that one: ${command}; or a policy that names the other one (verification)`,
    };
  }
  if (whose === 'new') return undefined;
  if (business.old.length === 0)
    return { why: `${newest} ran no business transactions of the old version`, unblock: `${OLD}: ${command}` };
  if (serving === undefined)
    return { why: 'it isn’t known which versions serve where the plan begins', unblock: 'plan it again' };
  const ran = ranIn(sound, wanted);
  const missing = [...new Set(serving)].filter((version) => !ran.has(version));
  if (missing.length === 0) return undefined;
  const which = named(missing);
  return {
    why: `no business transactions of ${which}, which ${missing.length === 1 ? 'serves' : 'serve'} beside its migrations, were run in a rehearsal on a copy of ${from}`,
    unblock: `rehearse it where ${which} ${missing.length === 1 ? 'runs' : 'run'}, with STORE of that cell: ${command}`,
  };
}

/** What went well, for a verdict that passes. */
export function businessText(
  sound: readonly [RehearsalEvidence, ...RehearsalEvidence[]],
  { whose, verification }: BusinessAsked,
): string {
  const [{ business }] = sound;
  if (whose === undefined || business === undefined) return '';
  const by = verification === undefined ? '' : ` (${business.verification?.name})`;
  const old = [...ranIn(sound, business.verification?.digest)];
  return `; the new version’s business transactions${by} went well${whose === 'new' ? '' : `, as those of ${named(old)} did`}`;
}

function ranIn(sound: readonly RehearsalEvidence[], by: Digest | undefined): ReadonlySet<string> {
  return new Set(sound.flatMap(({ business }) => (business?.verification?.digest === by ? (business?.old ?? []) : [])));
}

/** So many versions are named. */
const MOST_NAMED = 3;

function named(versions: readonly string[]): string {
  const more = versions.length - MOST_NAMED;
  const told = versions.slice(0, MOST_NAMED);
  return more > 0 ? `${told.join(', ')} and ${more} more` : told.join(' and ');
}

const NEW = 'rehearse it without --no-business, in a cell whose configuration says how (rehearsal)';
const OLD = 'rehearse it where the version before it runs (a policy for where none does asks for business: new)';
