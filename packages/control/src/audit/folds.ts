/**
 * What a stream's entries say that its row must hold, kind by kind. The row is what runs and the log is what proves, so
 * whatever can be derived from entries is derived anew here, by the deciders' own folds where there is one, and both
 * are put side by side under the names of the row's fields.
 */
import type { LogEntry } from '@headgate/documents/log/entry';
import {
  type DeliveryEvent,
  type Digest,
  type EvidenceFact,
  evolveDelivery,
  evolveHypercare,
  evolvePromotion,
  evolveRollout,
  evolveSoaked,
  evolveTakenBack,
  type Freeze,
  type HypercareEvent,
  type PromotionEvent,
  type ReconciledEvidence,
  type RestorationEvidence,
  type RolloutEvent,
  type SoakEvent,
  type TakenBackEvent,
} from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { withReconciled } from '../newest-reconciliation.ts';
import { withRestoration } from '../newest-restorations.ts';
import {
  type CellRecord,
  type DocumentRecord,
  type DrillRecord,
  type FreezeRecord,
  type PrincipalRecord,
  type ReconciliationRecord,
  type ReleaseRecord,
  type RestorationRecord,
  shapeInEntry,
} from '../records.ts';
import { withEvidence } from '../use-cases/evidence-room.ts';
import { nameOfToken } from '../use-cases/principals.ts';

export interface FoldMeans extends Pick<Deps, 'digestOf' | 'blobs'> {
  /** The facts that a declared document stands for. */
  specOf(content: unknown): unknown;
  /** What a kept bundle says as evidence, whoever signed it; undefined: it is none. */
  statedIn(bundle: unknown): Facts | undefined;
  /** The key that a kept bundle was verified with, and the digests that it is about; undefined: it is none. */
  signedIn(bundle: unknown): { readonly keyId: string; readonly about: readonly Digest[] } | undefined;
}

export type Facts = Readonly<Record<string, unknown>>;

/** Both sides of a comparison, field by field; a field that is undefined on both is equal. */
export interface Sides {
  readonly entries: Facts;
  readonly row: Facts;
  /** What of the row no entry says, and why. */
  readonly unchecked?: string;
}

/** Kinds that are compared by more than their number of entries. */
export const FOLDS: Readonly<
  Record<string, (entries: readonly LogEntry[], state: never, means: FoldMeans) => Sides | Promise<Sides>>
> = {
  promotion: machine<PromotionEvent>(evolvePromotion),
  rollout: machine<RolloutEvent>(evolveRollout),
  hypercare: machine<HypercareEvent>(evolveHypercare),
  undone: machine<TakenBackEvent>(evolveTakenBack),
  delivery: machine<DeliveryEvent>(evolveDelivery),
  installation: whole,
  attempt: whole,
  recovery: whole,
  principal: (entries, { id, roles, environments, revoked, tokenHash }: PrincipalRecord) => {
    const { id: created, roles: given, environments: first } = dataOf(entries[0]);
    const widened = entries.findLast(({ type }) => type === 'principal.widened');
    const where = widened === undefined ? first : dataOf(widened).environments;
    const ended = entries.some(({ type }) => type === 'principal.revoked');
    const made = entries.findLast(({ type }) => type === 'principal.created' || type === 'principal.token-rotated');
    const { token } = dataOf(made);
    return {
      entries: { id: created, roles: given, environments: where, revoked: ended, token },
      row: { id, roles, environments, revoked, ...(token !== undefined && { token: nameOfToken(tokenHash) }) },
      ...(token === undefined &&
        !ended && { unchecked: 'its token was made when the log said nothing of tokens: a new one is checked' }),
    };
  },
  async document(entries, state: DocumentRecord, { blobs, digestOf, specOf }) {
    const { kind, name, owner, digest } = dataOf(entries.at(-1));
    const bytes = await blobs.get(digest as DocumentRecord['digest']);
    const content: unknown = bytes === undefined ? undefined : JSON.parse(Buffer.from(bytes).toString('utf8'));
    const declared = content === undefined ? {} : { content: digestOf(content), spec: digestOf(specOf(content)) };
    return {
      entries: { kind, name, owner, digest, content: digest, ...declared },
      row: {
        kind: state.kind,
        name: state.name,
        owner: state.owner,
        digest: state.digest,
        content: state.digest,
        spec: digestOf(state.spec),
      },
    };
  },
  async release(entries, state: ReleaseRecord, means) {
    const { digestOf, blobs, statedIn } = means;
    const { digest, application, version, bundle } = dataOf(entries[0]);
    const of = (type: string) => entries.filter((entry) => entry.type === type).map(dataOf);
    return {
      entries: {
        ref: { digest, version },
        application,
        manifest: digest,
        bundle,
        signature: await signatureOf(dataOf(entries[0]), means),
        evidence: of('release.evidence-attached')
          .reduce<readonly { digest: Digest }[]>(
            (list, { evidence, instead }) =>
              withEvidence(list, { digest: evidence as Digest }, instead as Digest | undefined),
            [],
          )
          .map((each) => each.digest),
        // Named by its digest, a statement can't be another one: what the row says of it is read from it anew.
        stated: await Promise.all(
          state.evidence.map(async (fact) => {
            const bytes = await blobs.get(fact.digest);
            const stated = bytes && statedIn(JSON.parse(Buffer.from(bytes).toString('utf8')));
            return stated === undefined ? 'not kept' : asTakenUp(stated, fact);
          }),
        ),
        soaked: (entries as readonly unknown[] as readonly SoakEvent[]).reduce(evolveSoaked, []),
      },
      row: {
        ref: state.ref,
        application: state.application,
        manifest: digestOf(state.manifest),
        bundle: state.bundle,
        signature: state.signature,
        evidence: state.evidence.map((fact) => fact.digest),
        stated: state.evidence.map(({ digest: _, said: __, ...fact }) => fact),
        soaked: state.soaked,
      },
    };
  },
  cell(entries, state: CellRecord, { digestOf }) {
    const observed = entries.findLast(({ type }) => type === 'cell.observed');
    const desired = entries.findLast(
      (entry) => entry.type === 'cell.changed' || entry.type === 'cell.adopted' || dataOf(entry).settles === true,
    );
    const changed = entries.findLast(({ type }) => type === 'cell.changed');
    const { slots, stores, storeCount } = dataOf(desired);
    const row = state.desired === undefined ? {} : (shapeInEntry(state.desired) as Facts);
    return {
      entries: {
        observed: dataOf(observed).digest,
        pins: dataOf(observed).pins,
        desired: { slots, stores, storeCount },
        uncertain: desired?.type === 'cell.changed' && dataOf(desired).uncertain === true,
        assigned: dataOf(changed).assigned,
      },
      row: {
        observed: state.observed === undefined ? undefined : digestOf(state.observed.state),
        pins: state.observed?.pins && digestOf(state.observed.pins),
        desired: { slots: row.slots, stores: row.stores, storeCount: row.storeCount },
        uncertain: state.uncertain,
        assigned: state.assigned,
      },
    };
  },
  drill: (entries, { last }: DrillRecord) => ({ entries: { last: dataOf(entries.at(-1)) }, row: { last } }),
  reconciliation(entries, { last, recorded }: ReconciliationRecord) {
    let folded: ReconciliationRecord | undefined;
    for (const entry of entries) folded = withReconciled(folded, dataOf(entry) as unknown as ReconciledEvidence);
    return { entries: { ...folded }, row: { last, recorded } };
  },
  restoration(entries, { lately, recorded }: RestorationRecord, { digestOf }) {
    let folded: RestorationRecord | undefined;
    for (const entry of entries)
      folded = withRestoration({ digestOf }, folded, dataOf(entry) as unknown as RestorationEvidence);
    return { entries: { ...folded }, row: { lately, recorded } };
  },
  freeze(entries, { freezes }: FreezeRecord) {
    const held = new Map<string, Freeze>();
    for (const entry of entries) {
      const { scope: _, ...freeze } = dataOf(entry) as unknown as Freeze & { scope: string };
      held.delete(freeze.name);
      if (entry.type === 'freeze.declared') held.set(freeze.name, freeze);
    }
    // One that is over may be dropped whenever the row is written.
    const last = entries.at(-1)?.at ?? 0;
    const lasting = (list: readonly Freeze[]) => list.filter((freeze) => freeze.to > last);
    return { entries: { freezes: lasting([...held.values()]) }, row: { freezes: lasting(freezes) } };
  },
};

/** A stream whose row is nothing but its folded entries. */
function machine<E extends { readonly type: string }>(evolve: (state: never, event: E) => unknown) {
  return (entries: readonly LogEntry[], state: never): Sides => {
    let folded: unknown;
    for (const { type, data } of entries) folded = evolve(folded as never, { type, data } as unknown as E);
    return { entries: folded as Facts, row: state };
  };
}

/** The signature of a release as it was registered, read from its kept bundle anew; undefined: it was adopted, and has none. */
async function signatureOf(
  { digest, bundle, keyId }: Facts,
  { blobs, signedIn }: FoldMeans,
): Promise<ReleaseRecord['signature'] | string> {
  if (bundle === undefined) return undefined;
  const bytes = await blobs.get(bundle as Digest);
  if (bytes === undefined) return 'not kept';
  const signed = signedIn(JSON.parse(Buffer.from(bytes).toString('utf8')));
  if (signed === undefined || signed.keyId !== keyId || !signed.about.includes(digest as Digest)) return 'another’s';
  return { verified: true, keyId: signed.keyId, why: '' };
}

/** An older server took up rehearsals without each migration's time. */
function asTakenUp(stated: Facts, { rehearsal }: EvidenceFact): Facts {
  if (rehearsal === undefined || rehearsal.migrations !== undefined || stated.rehearsal === undefined) return stated;
  const { migrations: _, ...rest } = stated.rehearsal as Record<string, unknown>;
  return { ...stated, rehearsal: rest };
}

function whole(entries: readonly LogEntry[], state: never): Sides {
  return { entries: dataOf(entries.at(-1)), row: state };
}

function dataOf(entry: LogEntry | undefined): Readonly<Record<string, unknown>> {
  return entry?.data ?? {};
}
