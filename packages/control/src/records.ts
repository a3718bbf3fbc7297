/**
 * The rows' states that have no machine of their own: releases, documents, cells, principals, freezes. Each is a stream,
 * so each change is an entry on the log.
 */
import {
  type AgentPins,
  type CellState,
  type Digest,
  type DrillEvidence,
  type EvidenceFact,
  type Freeze,
  type Instant,
  type Principal,
  type PrincipalId,
  type Question,
  type ReconciledEvidence,
  type ReleaseManifest,
  type ReleaseRef,
  type RestorationEvidence,
  type Soaked,
  withoutDrift,
} from '@headgate/domain';

export const streams = {
  release: (digest: Digest) => `release/${digest}`,
  document: (kind: string, name: string) => `document/${kind}/${name}`,
  cell: (name: string) => `cell/${name}`,
  drill: (cell: string, store: string) => `drill/${cell}/${store}`,
  reconciliation: (cell: string, store: string) => `reconciliation/${cell}/${store}`,
  restoration: (cell: string) => `restoration/${cell}`,
  promotion: (id: string) => `promotion/${id}`,
  rollout: (id: string) => `rollout/${id}`,
  /** What agents took back of a promotion after it had ended. */
  undone: (promotion: string) => `undone/${promotion}`,
  hypercare: (environment: string) => `hypercare/${environment}`,
  principal: (id: PrincipalId) => `principal/${id}`,
  freeze: (scope: string) => `freeze/${scope}`,
  /** One for each restore from a backup: the epoch that it began. */
  recovery: (epoch: number) => `recovery/${epoch}`,
  request: (key: string) => `request/${key}`,
  delivery: (id: string) => `delivery/${id}`,
  notifier: 'notifier/this',
} as const;

/** The id of a promotion's rollout in a cell. */
export function rolloutId(promotion: string, cell: string): string {
  return `${promotion}.${cell}`;
}

/** The one freeze row that holds for everything. */
export const FREEZE_ALL = 'all';

const OF_APPLICATION = 'application:';

/** The application that a freeze's scope names; undefined for an environment, and for all. */
export function frozenApplication(scope: string): string | undefined {
  return scope.startsWith(OF_APPLICATION) ? scope.slice(OF_APPLICATION.length) : undefined;
}

/** The scopes whose freezes hold over a promotion. */
export function freezeScopesOf(of: { readonly environment: string; readonly application: string }): readonly string[] {
  return [FREEZE_ALL, of.environment, `${OF_APPLICATION}${of.application}`];
}

export interface ReleaseRecord {
  readonly ref: ReleaseRef;
  readonly application: string;
  readonly manifest: ReleaseManifest;
  /** The sigstore bundle's blob; absent for an adopted baseline. */
  readonly bundle?: Digest;
  readonly signature: { readonly verified: boolean; readonly keyId: string; readonly why: string } | undefined;
  readonly evidence: readonly EvidenceFact[];
  readonly soaked: readonly Soaked[];
  readonly registeredAt: Instant;
  readonly registeredBy: PrincipalId;
}

export interface DocumentRecord<S = unknown> {
  readonly kind: string;
  readonly name: string;
  readonly owner: string;
  readonly spec: S;
  /** Of the document's canonical JSON, which is also a blob. */
  readonly digest: Digest;
}

export interface CellRecord {
  /** What the cell should be: adopted, then changed only by rollouts, but for rings, which the cell's file says. Absent until it is adopted. */
  readonly desired?: CellState;
  /** A rollout ended with a step whose effect nobody confirmed; the next observation settles it. */
  readonly uncertain: boolean;
  /** Until then an agent may still be at a step that was taken from it: what is seen before settles nothing. */
  readonly restlessUntil?: Instant;
  /** The last assignment of the cell's rollouts so far; the next one goes on from there, since targets refuse lower fences. */
  readonly assigned?: number;
  readonly observed?: {
    readonly state: CellState;
    readonly at: Instant;
    readonly by: PrincipalId;
    /** What the agent said that it holds for the cell's environment; absent: it is of before agents said so. */
    readonly pins?: AgentPins;
  };
  /** The epoch in which it was last known what was done there; absent: the first. */
  readonly epoch?: number;
  /** What a person is asked after a restore. */
  readonly asked?: {
    readonly epoch: number;
    readonly finding: Question['kind'];
    readonly why: string;
    readonly at: Instant;
  };
}

/** The last restore drill of a store. */
export interface DrillRecord {
  readonly last: DrillEvidence;
}

/** Compensation plans that were carried out in a store. */
export interface ReconciliationRecord {
  /** The newest, by its agent's clock. */
  readonly last: ReconciledEvidence;
  /** Those that were recorded last, so that the same one twice changes nothing. */
  readonly recorded: readonly Digest[];
}

/** What was brought back in a cell. */
export interface RestorationRecord {
  /** The newest by its machine's clock, and that one first. */
  readonly lately: readonly RestorationEvidence[];
  /** Digests of what those said that were recorded last, so that the same one twice changes nothing. */
  readonly recorded: readonly Digest[];
}

/** A signed tree head of the log as it was before a restore, and who remembered it. */
export interface LostHead {
  readonly size: number;
  /** Hexadecimal. */
  readonly root: string;
  readonly note: string;
  readonly from: string;
}

/** A restore from a backup: what is known of what is gone. */
export interface RecoveryRecord {
  readonly epoch: number;
  readonly at: Instant;
  /** Until then agents may tell what they did; then a person is asked. */
  readonly until: Instant;
  readonly kept: { readonly size: number; readonly root: string };
  readonly lost?: LostHead;
  readonly by: string;
  readonly because: string;
  readonly backup?: string;
  readonly refuseTokens: boolean;
  /** People's tokens of an epoch below are refused, by this restore or an earlier one; absent: {@link refuseTokens} alone says. */
  readonly tokensFrom?: number;
}

/** So many stores of a cell are named in an entry, which is bounded; more are only counted. */
export const MOST_NAMED_STORES = 250;

/** What an entry says of a cell's shape, within the bound of entries however many stores it has. */
export function shapeInEntry(cell: CellState): object {
  const { slots, stores } = cell;
  const count = Object.keys(stores).length;
  return count > MOST_NAMED_STORES ? { slots, storeCount: count } : { slots, stores: withoutDrift(cell).stores };
}

/** The environment that a cell belongs to: adopted, or else declared; undefined while it is neither. */
export function environmentOf(cell: CellRecord | undefined, declared: DocumentRecord | undefined): string | undefined {
  return cell?.desired?.environment ?? (declared?.spec as { environment: string } | undefined)?.environment;
}

export interface PrincipalRecord extends Principal {
  /** SHA-256 of the token, hex; tokens are 256 random bits, so no slow hash is needed. */
  readonly tokenHash: string;
  readonly revoked: boolean;
  /** Absent: before that was kept. */
  readonly createdAt?: Instant;
  /** The epoch in which the token was made; absent: the first. */
  readonly epoch?: number;
  /** An agent that got more environments than it was enrolled for. */
  readonly widened?: true;
}

export interface FreezeRecord {
  readonly freezes: readonly Freeze[];
}
