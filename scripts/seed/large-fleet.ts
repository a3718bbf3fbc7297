/**
 * A fleet as large as the sizing of an installation names: tenants, cells, releases, promotions that ended, and a log of
 * what agents saw. Rows are what their entries lead to (`headgate log audit` agrees), digests are of what they name.
 */
import { type ReleaseRecord, streams } from '@headgate/control';
import { shapeInEntry } from '@headgate/control/records';
import {
  type AnyContent,
  canonicalBytes,
  digestOf,
  digestOfJson,
  identityOf,
  testResultStatement,
} from '@headgate/documents';
import { RELEASE_PREDICATE } from '@headgate/documents/trust/predicates';
import { type Statement, statementAbout } from '@headgate/documents/trust/statement';
import {
  type CellState,
  type Digest,
  evolvePromotion,
  type Promotion,
  type PromotionEvent,
  type ReleaseManifest,
  TEST_RESULT,
} from '@headgate/domain';
import { readAll, specOf } from '@headgate/server/documents/read-all';
import { companyDocuments } from './company-documents.ts';

export interface FleetSize {
  readonly tenants: number;
  readonly cells: number;
  readonly releases: number;
  /** On the log, all in all; what the other numbers need is the least. */
  readonly entries: number;
}

export interface SeedStream {
  readonly stream: string;
  readonly state: unknown;
  readonly entries: readonly { readonly type: string; readonly data: object }[];
  readonly parent?: string;
  readonly blobs?: readonly Uint8Array[];
}

export const ENVIRONMENTS = 10;
const BY = 'usr_seed';
const MONTH_MS = 30 * 86_400_000;

/** The streams of a fleet, in an order in which a log could have grown. `from`: the time of the first entry. */
export function* largeFleet(size: FleetSize, from: number): Generator<SeedStream> {
  const read = readAll([{ name: 'seed.yaml', text: companyDocuments(ENVIRONMENTS) }], []);
  if (!read.ok) throw new Error(read.refusals.map(({ where, why }) => `${where}: ${why}`).join('; '));
  for (const { content } of read.value) yield document(content);
  const baseline = releaseOf(0, from);
  for (let i = 0; i < size.cells; i++) yield document(content('Cell', cellName(i), cellSpec(i)));
  for (let i = 0; i < size.tenants; i++)
    yield document(content('Tenant', tenantName(i), { cell: cellName(i % size.cells), store: 'main', ring: 'broad' }));
  let written = read.value.length + size.cells + size.tenants;
  for (let i = 0; i < size.releases; i++) {
    const release = releaseOf(i, from);
    yield release;
    yield promotionOf(release, i, from);
    written += release.entries.length + 2;
  }
  for (let i = 0; i < size.cells; i++) {
    const left = Math.max(0, size.entries - written);
    const observations = Math.max(1, Math.round(left / (size.cells - i)) - 1);
    const cell = cellOf(i, size, baseline, observations, from);
    yield cell;
    written += cell.entries.length;
  }
}

export function cellName(i: number): string {
  return `cell-${String(i + 1).padStart(5, '0')}`;
}

export function environmentName(i: number): string {
  return `env-${String((i % ENVIRONMENTS) + 1).padStart(2, '0')}`;
}

function tenantName(i: number): string {
  return `tenant-${String(i + 1).padStart(6, '0')}`;
}

function cellSpec(i: number): object {
  return { environment: environmentName(i), slots: ['blue', 'green'], stores: [{ name: 'main' }] };
}

function content(kind: string, name: string, spec: object): AnyContent {
  return { apiVersion: 'headgate/v1', kind, metadata: { name, owner: 'seed' }, spec } as unknown as AnyContent;
}

function document(declared: AnyContent): SeedStream {
  const { kind } = declared;
  const name = identityOf(declared).slice(kind.length + 1);
  const bytes = canonicalBytes(declared);
  const digest = digestOf(bytes);
  const { owner } = declared.metadata;
  return {
    stream: streams.document(kind, name),
    state: { kind, name, owner, spec: specOf(declared), digest },
    entries: [{ type: 'document.applied', data: { kind, name, owner, digest, change: 'created' } }],
    blobs: [bytes],
  };
}

interface SeedRelease extends SeedStream {
  readonly state: ReleaseRecord;
}

function testsOf(release: string, subject: Digest, passed: number): Statement {
  const tests = { passed: Array.from({ length: passed }, (_, i) => `test ${i}`), failed: [], skipped: [] };
  return testResultStatement({
    ...{ release, subject, command: ['test'], exitCode: 0, log: digestOf('log'), tests },
  });
}

/** A bundle as it is kept: what the row says of the release and of its tests stands in it. Nobody asks who signed it. */
function bundleOf(statement: Statement, keyId: string): Uint8Array {
  const base64 = (content: Uint8Array | string) => Buffer.from(content).toString('base64');
  return canonicalBytes({
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: keyId } },
    dsseEnvelope: {
      payload: base64(canonicalBytes(statement)),
      payloadType: 'application/vnd.in-toto+json',
      signatures: [{ sig: base64('unsigned') }],
    },
  });
}

function releaseOf(i: number, from: number): SeedRelease {
  const manifest: ReleaseManifest = {
    apiVersion: 'headgate/v1',
    kind: 'Release',
    application: 'psa',
    version: `1.${i}.0`,
    authors: ['usr_author'],
    components: [],
    schemaRange: { min: 1, max: 1 },
    migrations: [],
    configuration: {},
    rollbackConditions: [],
    notes: '',
    origin: 'built',
  };
  const bytes = canonicalBytes(manifest);
  const digest = digestOf(bytes);
  const { application, version } = manifest;
  const result = { passed: 40, failed: 0, skipped: 0, exitCode: 0 };
  const keyId = 'seed';
  const name = `${application}@${version}`;
  const said = bundleOf(testsOf(name, digest, result.passed), keyId);
  const evidence = digestOf(said);
  const sealed = bundleOf(
    statementAbout(name, digest, RELEASE_PREDICATE, { application, version, origin: 'built' }),
    keyId,
  );
  const bundle = digestOf(sealed);
  return {
    stream: streams.release(digest),
    state: {
      ref: { digest, version },
      application,
      manifest,
      bundle,
      signature: { verified: true, keyId, why: '' },
      evidence: [{ digest: evidence, predicateType: TEST_RESULT, subject: digest, verified: true, keyId, result }],
      soaked: [],
      registeredAt: from,
      registeredBy: BY,
    },
    entries: [
      { type: 'release.registered', data: { digest, application, version, keyId, bundle, origin: 'built' } },
      { type: 'release.evidence-attached', data: { evidence, predicateType: TEST_RESULT, keyId, result } },
    ],
    blobs: [bytes, said, sealed],
  };
}

/** A promotion of the release that somebody turned down: it has no rollouts, and nothing is left to do for it. */
function promotionOf({ state: { ref } }: SeedRelease, i: number, from: number): SeedStream {
  const id = `prm_${digestOfJson(i).slice(7, 27)}`;
  const environment = environmentName(i);
  const plan = digestOfJson([id, 'plan']);
  const envelope = digestOfJson([id, 'envelope']);
  const cells = [cellName(i % ENVIRONMENTS)];
  const entries: PromotionEvent[] = [
    {
      type: 'promotion.requested',
      data: {
        id,
        application: 'psa',
        environment,
        release: ref,
        plan,
        envelope,
        requester: BY,
        authors: ['usr_author', BY],
        cells,
        waves: 3,
        latestFinish: from + MONTH_MS,
      },
    },
    { type: 'promotion.ended', data: { result: 'rejected', because: 'not this week', at: from } } as PromotionEvent,
  ];
  let state: Promotion | undefined;
  for (const event of entries) state = evolvePromotion(state, event);
  return { stream: streams.promotion(id), state, entries, parent: streams.release(ref.digest) };
}

/** A cell as its agent saw it again and again, adopted after the first look. */
function cellOf(i: number, size: FleetSize, { state }: SeedRelease, observations: number, from: number): SeedStream {
  const tenants: Record<string, { slot: string; store: string; ring: string }> = {};
  for (let t = i; t < size.tenants; t += size.cells)
    tenants[tenantName(t)] = { slot: 'blue', store: 'main', ring: 'broad' };
  const seen: CellState = {
    cell: cellName(i),
    application: 'psa',
    environment: environmentName(i),
    slots: { blue: { release: state.ref, schemaRange: { min: 1, max: 1 } }, green: {} },
    stores: { main: { schemaVersion: 1 } },
    tenants,
  };
  const digest: Digest = digestOfJson(seen);
  const shape = shapeInEntry(seen);
  const observed = {
    type: 'cell.observed',
    data: { digest, ...shape, tenants: Object.keys(tenants).length, settles: false },
  };
  const adopted = { type: 'cell.adopted', data: { digest, ...shape } };
  return {
    stream: streams.cell(seen.cell),
    state: { desired: seen, uncertain: false, observed: { state: seen, at: from, by: 'agt_seed' } },
    entries: [observed, adopted, ...Array.from({ length: observations - 1 }, () => observed)],
  };
}
