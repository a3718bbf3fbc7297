/**
 * The copy that a store would come back from, looked at as far as that costs little: what is plainly wrong is said before
 * anything is begun.
 */
import type { SealedPoint, Trust, WalIdentity } from '@headgate/documents';
import type { RebuildPoint } from '@headgate/domain';
import type { ObjectStore } from '@headgate/execution';
import { newestOnItsWay } from '../drill/sealed-to-drill.ts';
import { choosePoint } from '../vault/choose-point.ts';
import { allThere, type Unsealing, unsealOwn } from '../vault/unseal-point.ts';
import { readReach } from '../vault/wal/vaulted-wal.ts';
import { firstGap, followsOn, gapText, segmentsOnTheWay } from '../vault/wal/whole-log.ts';

export interface PointAsk {
  readonly of: WalIdentity;
  readonly vault: ObjectStore;
  readonly trust: Pick<Trust, 'signers'>;
  /** age's, secret; none: whether it can be opened isn't looked at. */
  readonly identities: readonly string[];
  readonly signal: AbortSignal;
}

export type PointFound = { readonly point: RebuildPoint } | { readonly why: string; readonly unblock?: string };

/** What proves a tenant of Odoo back, beside its rows and its indexes. */
const ODOO_PROOFS = [
  'every module is at the version that was promised',
  'every file is what was promised, and every attachment has its own',
];

/** The newest of a tenant of Odoo: sealed for it, every part there, opened by the identity. It is of its own moment alone. */
export async function tenantToRebuild({ of, vault, trust, identities, signal }: PointAsk): Promise<PointFound> {
  const chosen = await choosePoint(vault, of, undefined, trust, signal);
  if (!chosen.ok) return { why: chosen.why };
  const looked = await lookedAt(chosen.unsealing, 'dump', identities);
  return 'why' in looked ? looked : { point: { ...looked.point, proofs: ODOO_PROOFS } };
}

/** PostgreSQL's major version that cells are kept with. */
const MAJOR = 15;

/** The newest on the store's way: sealed for this store, every part there, opened by the identity, its log without a gap. */
export async function pointToRebuild(ask: PointAsk): Promise<PointFound> {
  const { of, vault, trust, identities, signal } = ask;
  const reach = await readReach(vault, of, trust, signal);
  if (!reach.ok) return { why: reach.why };
  const wanted = await newestOnItsWay({ ...ask, from: of });
  const chosen = await choosePoint(vault, of, wanted, trust, signal);
  if (!chosen.ok) return { why: chosen.why };
  const { sealed } = chosen.unsealing;
  const looked = await lookedAt(chosen.unsealing, 'physical', identities);
  if ('why' in looked) return looked;
  const goesOn = reach.value !== undefined && followsOn(reach.value, sealed) ? reach.value : undefined;
  const gap =
    goesOn &&
    (await firstGap(
      vault,
      { ...of, systemIdentifier: goesOn.systemIdentifier },
      trust,
      segmentsOnTheWay(sealed, goesOn),
      signal,
    ));
  if (gap !== undefined)
    return {
      why: gapText(gap),
      ...(gap.until !== undefined && {
        unblock: `bring that object back from where the vault is copied to; headgate-agent recover --config FILE --store ${of.store} --identity FILE --to DIR --at ${new Date(gap.until).toISOString()} brings back what lies before it`,
      }),
    };
  return { point: { ...looked.point, ...(goesOn !== undefined && { reachedAt: goesOn.at }) } };
}

/** Whether it is of the form, every part of it there, and opened by the identities. */
async function lookedAt(
  unsealing: Unsealing,
  form: SealedPoint['database']['form'],
  identities: readonly string[],
): Promise<{ readonly point: RebuildPoint } | { readonly why: string }> {
  const { sealed, manifest } = unsealing;
  const unfit = whyUnfit(sealed, form);
  if (unfit !== undefined) return { why: unfit };
  const there = await allThere(unsealing);
  if (!there.ok) return { why: there.why };
  const own = identities.length === 0 ? undefined : await unsealOwn(unsealing, identities);
  if (own?.ok === false) return { why: own.why };
  const { id, takenAt, schemaVersion, bytes, database } = sealed;
  const promisesRows = own === undefined || own.value.census !== undefined;
  return { point: { id, takenAt, manifest, schemaVersion, major: database.major, bytes, promisesRows } };
}

function whyUnfit(
  { id, database: { form, major } }: SealedPoint,
  wanted: SealedPoint['database']['form'],
): string | undefined {
  if (form !== wanted)
    return wanted === 'physical'
      ? `${id} is a ${form}, and a store of ours comes back from a copy of its files`
      : `${id} is ${form}, and a tenant of Odoo comes back from a ${wanted}`;
  if (major !== MAJOR) return `${id} is of PostgreSQL ${major}, and cells are kept with ${MAJOR}`;
  return undefined;
}
