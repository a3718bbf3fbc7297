/**
 * A fleet with its history up to the moment before a promotion: documents applied, people created, cells observed and
 * adopted, releases registered, all by the shipped use cases. It is made once; every promotion that draws it begins
 * with a fresh store that holds these rows.
 */
import {
  type AppliedDocument,
  adoptCell,
  applyDocuments,
  attachEvidence,
  type Commit,
  createPrincipal,
  type Deps,
  hashToken,
  observeCell,
  registerRelease,
  streams,
  type Trust,
  type Write,
} from '@headgate/control';
import { MemoryBlobs, MemoryStore } from '@headgate/control/memory/index';
import { canonicalBytes, digestOf, digestOfJson } from '@headgate/documents';
import {
  ANALYSIS,
  type CellState,
  type Digest,
  type DrillEvidence,
  type EvidenceFact,
  type Instant,
  type Migration,
  REHEARSAL,
  type ReconciledEvidence,
  type RestorationEvidence,
  ROLLBACK_REHEARSAL,
  type SchemaRange,
  TEST_RESULT,
} from '@headgate/domain';
import { Random } from '../engine/random.ts';
import type { Recorded } from '../history/recorded.ts';
import {
  AGENTS,
  cellStates,
  type FleetSpec,
  fleetSpec,
  manifest,
  manifestOf,
  PEOPLE,
  type ReleaseKind,
} from './fleet-spec.ts';
import { OWN_STORES_EVERY } from './scenario.ts';

const KINDS: readonly ReleaseKind[] = [
  'next',
  'sequel',
  'new-range-trap',
  'old-range-trap',
  'contract-trap',
  'untested',
  'unsoaked',
];

export interface Fleet {
  readonly number: number;
  readonly spec: FleetSpec;
  readonly cells: readonly CellState[];
  readonly baseline: Digest;
  /** A release that runs in a cell elsewhere, adopted there: nobody ever signed it. */
  readonly unsigned: Digest;
  readonly releases: Readonly<Record<ReleaseKind, Digest>>;
  /** Which schemas each release's code runs on. */
  readonly code: readonly {
    readonly digest: Digest;
    readonly version: string;
    readonly range: SchemaRange;
    readonly migrations: readonly Migration[];
    /** What may be served on it only once everybody is there. */
    readonly activates?: readonly string[];
  }[];
  /** Of each release. */
  readonly migrations: ReadonlyMap<Digest, readonly Migration[]>;
  /** Everything so far in one commit: rows as they are, each with all its entries. */
  readonly commit: Commit;
  readonly entries: readonly Recorded[];
  readonly blobs: MemoryBlobs;
  readonly documents: ReadonlyMap<Digest, AppliedDocument>;
}

/** Opens what the simulator itself wrote; real trust is tested where it lives, in `documents`. */
export const TRUST: Trust = {
  openRelease: (bytes) => ({
    ok: true,
    keyId: 'key-1',
    digest: digestOf(bytes),
    manifest: JSON.parse(Buffer.from(bytes).toString('utf8')),
  }),
  openEvidence: (fact) => ({ ok: true, fact: fact as EvidenceFact, signed: { bundle: fact, also: [] } }),
  openDrill: (drill) => ({ ok: true, drill: drill as DrillEvidence, signed: { bundle: drill, also: [] } }),
  openReconciled: (told) => ({ ok: true, reconciled: told as ReconciledEvidence, signed: { bundle: told, also: [] } }),
  openRestoration: (told) => ({
    ok: true,
    restoration: told as RestorationEvidence,
    signed: { bundle: told, also: [] },
  }),
};

/** A signed test result about a release. */
export function testResult(subject: Digest, run: number, failed: number): EvidenceFact {
  return {
    digest: digestOfJson([subject, run, failed]),
    predicateType: TEST_RESULT,
    subject,
    verified: true,
    keyId: 'key-2',
    result: { passed: 40, failed, skipped: 0, exitCode: failed > 0 ? 1 : 0 },
  };
}

/** Of the migrations on a copy of the store `main`. */
export function rehearsalOf(subject: Digest, at: Instant, ok: boolean): EvidenceFact {
  const because = ok ? [] : ['a statement of the application fails afterwards'];
  const result = { ok, wayBack: 'equal', longestStallMs: 90, durationMs: 900, because } as const;
  return {
    digest: digestOfJson([subject, at, ok]),
    predicateType: REHEARSAL,
    subject,
    verified: true,
    keyId: 'key-2',
    rehearsal: { store: 'main', at, masked: true, runner: 'headgate', ...result },
  };
}

/** Of a promotion to staging and its undo. */
export function rollbackRehearsalOf(
  subject: Digest,
  migrations: readonly Pick<Migration, 'up'>[],
  at: Instant,
  ok: boolean,
): EvidenceFact {
  const because = ok ? [] : ['slot green of cell s1 holds 1.1.0 after the undo'];
  return {
    digest: digestOfJson([subject, 'rollback', at, ok]),
    predicateType: ROLLBACK_REHEARSAL,
    subject,
    verified: true,
    keyId: 'key-2',
    rollbackRehearsal: {
      ...{ environment: 'staging', promotion: 'prm_staging', at, ok, because, missing: [] },
      ...{ forwardMs: 60_000, backMs: 9_000, longestOutageMs: 300, traffic: { requests: 400, failed: 0 } },
      migrated: migrations.map(({ up }) => up.digest),
    },
  };
}

/** Of exactly these migrations; one that isn't sound found something dangerous in the last of them. */
export function analysisOf(
  subject: Digest,
  migrations: readonly Pick<Migration, 'id' | 'to' | 'up'>[],
  at: Instant,
  ok: boolean,
): EvidenceFact {
  const to = migrations.at(-1)?.to ?? 0;
  const found = ok ? [] : [{ to, rule: 'rewrite-under-lock', level: 'error' as const, count: 1 }];
  const read = migrations.map(({ id, to: version, up }) => ({ id, to: version, digest: up.digest }));
  return {
    digest: digestOfJson([subject, 'analysis', at, ok]),
    predicateType: ANALYSIS,
    subject,
    verified: true,
    keyId: 'key-2',
    analysis: { at, stallMs: 1_000, migrations: read, found, told: [] },
  };
}

export async function makeFleet(seed: number, number: number): Promise<Fleet> {
  const random = new Random(seed, number, 1);
  const ownStores = number % OWN_STORES_EVERY === OWN_STORES_EVERY - 1;
  // Every other fleet of that kind serves readers at first.
  const readsFirst = ownStores && number % (2 * OWN_STORES_EVERY) < OWN_STORES_EVERY;
  const spec = fleetSpec(random, ownStores, readsFirst);
  const at = spec.startsAt - 30_000;
  const commits: Commit[] = [];
  const store = new MemoryStore({ clock: () => at, onCommit: (commit) => commits.push(commit) });
  const blobs = new MemoryBlobs();
  const deps: Deps = {
    store,
    blobs,
    trust: TRUST,
    epoch: 1,
    newId: (prefix) => `${prefix}_${commits.length}`,
    digestOf: digestOfJson,
    canonical: canonicalBytes,
  };
  const range = spec.baselineRange;
  const baselineManifest = manifest('1.0.0', range, [], 'adopted');
  const unsignedManifest = manifest('0.9.9', range, [], 'adopted');
  const baseline = digestOfJson(baselineManifest);
  const unsigned = digestOfJson(unsignedManifest);
  const cells = cellStates(random, spec, { digest: baseline, version: '1.0.0' });
  const lab: CellState = {
    ...(cells[0] as CellState),
    cell: 'lab-1',
    environment: 'lab',
    slots: { blue: { release: { digest: unsigned, version: '0.9.9' }, schemaRange: range }, green: {} },
  };
  const documents = [
    ...spec.documents,
    ...[...cells, lab].map(({ cell, environment }) => ({
      kind: 'Cell',
      name: cell,
      owner: 'platform',
      spec: { environment },
    })),
  ];
  await must(applyDocuments(deps, PEOPLE.admin, documents));
  for (const principal of [...Object.values(PEOPLE), ...AGENTS])
    await must(createPrincipal(deps, PEOPLE.admin, { ...principal, tokenHash: hashToken(principal.id) }));
  const agent = { ...(AGENTS[0] as (typeof AGENTS)[number]), environments: ['production', 'lab'] };
  for (const cell of [...cells, lab]) {
    await must(observeCell(deps, agent, cell));
    await must(adoptCell(deps, PEOPLE.admin, cell.cell, [baselineManifest, unsignedManifest]));
  }
  const activates = new Random(seed, number, 4).chance(0.4);
  const registered = await registerAll(deps, random, at, { ownStores: spec.ownStores, activates });
  const { digests: releases, code, migrations } = registered;
  const none = { range, migrations: [] };
  code.push({ digest: baseline, version: '1.0.0', ...none }, { digest: unsigned, version: '0.9.9', ...none });
  const byStream = new Map(commits.flatMap((c) => c.writes.map((w) => [w.stream, { ...w, expected: 0 }] as const)));
  const entries: Recorded[] = [];
  const versions = new Map<string, Write['entries'][number][]>();
  for (const { by, writes } of commits)
    for (const { stream, entries: added } of writes) {
      const all = versions.get(stream) ?? [];
      versions.set(stream, all);
      for (const { type, data } of added) {
        all.push({ type, data });
        entries.push({ stream, version: all.length, type, at, by, data });
      }
    }
  const writes = [...byStream.values()].map((w): Write => ({ ...w, entries: versions.get(w.stream) ?? [] }));
  return {
    number,
    spec,
    cells,
    baseline,
    unsigned,
    releases,
    code,
    migrations,
    commit: { by: 'sys', writes },
    entries,
    blobs,
    documents: new Map(documents.map((d) => [digestOfJson(d), d])),
  };
}

async function registerAll(
  deps: Deps,
  random: Random,
  at: Instant,
  { ownStores, activates: late }: { readonly ownStores: boolean; readonly activates: boolean },
): Promise<{
  readonly digests: Fleet['releases'];
  readonly code: Fleet['code'][number][];
  readonly migrations: Fleet['migrations'];
}> {
  const code: Fleet['code'][number][] = [];
  const migrations = new Map<Digest, readonly Migration[]>();
  const bytes = canonicalBytes('select 1');
  const file = { name: 'migration.sql', digest: await deps.blobs.put(bytes), size: bytes.length };
  const digests: Partial<Record<ReleaseKind, Digest>> = {};
  for (const kind of KINDS) {
    const draft = canonicalBytes(manifestOf(kind, random, file, ownStores, late));
    const registered = await must(registerRelease(deps, PEOPLE.developer, { manifest: draft, bundle: {} }));
    const { digest } = registered.ref;
    digests[kind] = digest;
    migrations.set(digest, registered.manifest.migrations);
    const { schemaRange: range, migrations: files, activates: brought = [] } = registered.manifest;
    const activates = brought.map(({ operation }) => operation);
    code.push({ digest, version: registered.ref.version, range, migrations: files, activates });
    if (kind !== 'untested') await must(attachEvidence(deps, PEOPLE.developer, testResult(digest, 1, 0)));
    await must(attachEvidence(deps, PEOPLE.developer, rehearsalOf(digest, at, true)));
    await must(
      attachEvidence(deps, PEOPLE.developer, rollbackRehearsalOf(digest, registered.manifest.migrations, at, true)),
    );
    await must(attachEvidence(deps, PEOPLE.developer, analysisOf(digest, registered.manifest.migrations, at, true)));
    if (kind === 'unsoaked') continue;
    // It went well in staging before: told here, not lived through.
    const stream = streams.release(digest);
    const row = (await deps.store.load([stream])).get(stream);
    if (row === undefined) throw new Error(`${stream} was just registered`);
    const soaked = { environment: 'staging', promotedAt: at };
    await deps.store.commit({
      by: 'sys',
      writes: [
        {
          stream,
          expected: row.version,
          entries: [{ type: 'release.promoted', data: { ...soaked, promotion: 'prm_staging' } }],
          state: { ...(row.state as object), soaked: [soaked] },
          dueAt: null,
        },
      ],
    });
  }
  return { digests: digests as Fleet['releases'], code, migrations };
}

async function must<T>(
  result: Promise<{ ok: true; value: T } | { ok: false; refusals: readonly unknown[] }>,
): Promise<T> {
  const answer = await result;
  if (!answer.ok) throw new Error(`a fleet can't be set up: ${JSON.stringify(answer.refusals)}`);
  return answer.value;
}
