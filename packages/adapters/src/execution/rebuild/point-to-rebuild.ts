/**
 * The copy that a store would come back from, looked at as far as that costs little: what is plainly wrong is said before
 * anything is begun.
 */
import type { SealedPoint, Trust, WalIdentity } from '@headgate/documents';
import type { RebuildPoint } from '@headgate/domain';
import type { ObjectStore } from '@headgate/execution';
import { newestOnItsWay } from '../drill/sealed-to-drill.ts';
import { DumpManifest } from '../external-store/dump-manifest.ts';
import { choosePoint } from '../vault/choose-point.ts';
import { allThere, type Unsealing, unsealOwn, unsealOwnText } from '../vault/unseal-point.ts';
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

/** What a store on somebody else's server asks of the next one, by the restore point that it would come back from. */
export interface DumpWants {
  /** The dump's server's, and that of the oldest pg_restore that reads it. */
  readonly major: number;
  readonly toolsMajor: number;
  /** Where it was, and with which encoding; points from before don't say. */
  readonly place: string | undefined;
  readonly encoding: string | undefined;
  /** The login that owned it; another one may own it there, and then its rights name this one, too. */
  readonly owner: string | undefined;
  /** Beside its owner. */
  readonly roles: readonly string[];
  readonly extensions: readonly string[];
}

/** What is said to whoever can name a restore point; a plan is made of the newest. */
const NAME_ANOTHER = /; name an older one with --id if you want that$/;
const BRING_BACK =
  'bring it back from where the vault is copied to; headgate-agent restore-points list --config FILE says what lies there';

/** The newest of a store on somebody else's server: sealed for it, every part there, opened by the identity. A dump has no log. */
export async function dumpToRebuild({
  of,
  vault,
  trust,
  identities,
  signal,
}: PointAsk): Promise<PointFound & { readonly wants?: DumpWants }> {
  const chosen = await choosePoint(vault, of, undefined, trust, signal);
  if (!chosen.ok) return { why: chosen.why.replace(NAME_ANOTHER, ''), unblock: BRING_BACK };
  const { unsealing } = chosen;
  const looked = await lookedAt(unsealing, 'dump', identities, unsealing.sealed.database.major);
  if ('why' in looked) return looked;
  const { point } = looked;
  const found = { point: { ...point, proofs: [`the schema is ${point.schemaVersion}`] } };
  // Without an identity nothing is begun, and that is said elsewhere.
  if (identities.length === 0) return found;
  const text = await unsealOwnText(unsealing, identities);
  if (!text.ok) return { why: text.why };
  const own = DumpManifest.safeParse(JSON.parse(text.value));
  if (!own.success) return { why: `${point.id} is no dump of a store on somebody else’s server` };
  const { place, owner, roles = [], extensions, likeness } = own.data;
  const { major, tool } = unsealing.sealed.database;
  return {
    ...found,
    wants: {
      ...{ major, toolsMajor: Math.max(major, Number.parseInt(tool.version, 10) || 0), place },
      ...{ encoding: likeness?.encoding, roles, extensions: extensions.map(({ name }) => name), owner },
    },
  };
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
  major = MAJOR,
): Promise<{ readonly point: RebuildPoint } | { readonly why: string }> {
  const { sealed, manifest } = unsealing;
  const unfit = whyUnfit(sealed, form, major);
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
  kept: number,
): string | undefined {
  if (form !== wanted)
    return wanted === 'physical'
      ? `${id} is a ${form}, and a store of ours comes back from a copy of its files`
      : `${id} is ${form}, and this store comes back from a ${wanted}`;
  if (major !== kept) return `${id} is of PostgreSQL ${major}, and cells are kept with ${kept}`;
  return undefined;
}
