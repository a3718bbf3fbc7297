import type { Digest } from './identity.ts';

/** How a component is brought back: a stateless one by routing, a stateful one by draining, a system of record by plan only. */
export type RecoveryClass = 'stateless' | 'stateful' | 'system-of-record';

/** One file of a release, stored and fetched by its digest. `name` is a relative path without `..`. */
export interface ArtifactFile {
  readonly name: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** A separately deployable part of an application. */
export interface Component {
  readonly name: string;
  readonly role: 'web' | 'worker' | 'connector' | 'infrastructure';
  readonly recovery: RecoveryClass;
  readonly files: readonly ArtifactFile[];
  /** Argument vector, never a shell string. `${dir}` is the folder that holds the files, `${node}` the running Node. */
  readonly command: readonly string[];
  /** Path that answers 2xx once the component serves; absent for components without a port. */
  readonly healthPath?: string;
}

/** The inclusive range of store schema versions that a release's code runs on. */
export interface SchemaRange {
  readonly min: number;
  readonly max: number;
}

/** What kind of change a migration is; expand can be kept while old code runs, contract can't. */
export type MigrationPhase = 'expand' | 'data' | 'contract';

/** One step of a store's schema, from version `from` to `to` (= from + 1). */
export interface Migration {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  readonly phase: MigrationPhase;
  readonly up: ArtifactFile;
  readonly down?: ArtifactFile;
  /** What undoing a promotion does with it by default: `keep` the expanded schema, run `down`, or `restore` the store. */
  readonly undo: 'keep' | 'down' | 'restore';
  /** Operations of the application that may not run while it does; absent: all may. */
  readonly closes?: readonly string[];
}

/** An operation that a release brings or changes, and whose use can't be undone: it stays closed until everybody is on the release. */
export interface Activation {
  readonly operation: string;
  /** Why its use can't be undone: for people, who approve it with the plan. */
  readonly because: string;
  /** The migrations into which nothing but these operations writes: what was written in them is lost from the activation on, and not before. */
  readonly writes?: readonly string[];
}

/** The immutable bundle. Its canonical JSON's SHA-256 is the release's identity. */
export interface ReleaseManifest {
  readonly apiVersion: 'headgate/v1';
  readonly kind: 'Release';
  readonly application: string;
  /** The application's own version, for people. The digest is what counts. */
  readonly version: string;
  /** Who made the change: never allowed to approve it. */
  readonly authors: readonly string[];
  readonly components: readonly Component[];
  readonly schemaRange: SchemaRange;
  readonly migrations: readonly Migration[];
  /** Configuration that the release carries, by component; secrets never stand here. */
  readonly configuration: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** When people are to roll a promotion of this release back, beyond what checks see: shown with its plan, and approved with it. */
  readonly rollbackConditions: readonly string[];
  readonly notes: string;
  /** What it brings that can't be undone once customers used it. */
  readonly activates?: readonly Activation[];
  /** What to do when something goes wrong with it: shown where an incident is looked at. */
  readonly runbooks?: readonly Runbook[];
  /** `adopted` for a baseline that was observed running, not built by us. */
  readonly origin: 'built' | 'adopted';
}

export interface Runbook {
  readonly title: string;
  readonly url?: string;
  readonly text?: string;
}

/** A release as plans and states name it. */
export interface ReleaseRef {
  readonly digest: Digest;
  readonly version: string;
}
