/**
 * Three small systems, as light as real ones can be: a web process and a store of its own a cell, staging and live.
 * Their releases are made by the dozen: some migrate, some have a bug that shows in staging, some one that shows live.
 */
import {
  digestOf,
  digestOfJson,
  type SigningKey,
  sealRelease,
  signStatement,
  testResultStatement,
} from '@headgate/documents';
import type { ArtifactFile, Digest, Migration, ReleaseManifest, ReleaseRef } from '@headgate/domain';

export const APPLICATIONS = ['alder', 'birch', 'cedar'] as const;
export type Application = (typeof APPLICATIONS)[number];

export const STAGES = ['staging', 'live'] as const;
export type Stage = (typeof STAGES)[number];

/** An environment of a system; its one cell is called the same. */
export function environmentOf(application: string, stage: Stage): string {
  return `${application}-${stage}`;
}

export function agentOf(application: string): string {
  return `agt_${application}`;
}

/** Tenants of a cell by ring: live moves in two waves. */
export function tenantsOf(stage: Stage): Readonly<Record<string, string>> {
  return stage === 'staging' ? { try: 'pilot' } : { one: 'pilot', two: 'broad' };
}

/** What a system declares. Steps have many attempts, because kills come thicker here than in life. */
export function documentsOf(application: string): { readonly file: string; readonly text: string } {
  const [staging, live] = STAGES.map((stage) => environmentOf(application, stage));
  const limits = 'limits: {latestFinishMs: 1800000, approvalMs: 900000, attempts: 20, stepTimeoutMs: 60000}';
  const meta = (name: string): string => `metadata: {name: ${name}, owner: team-${application}}`;
  const text = `apiVersion: headgate/v1
kind: Application
${meta(application)}
spec:
  tenancy: rows
  tenantKeys: {work: tenant_id}
  components: [{name: web, role: web, recovery: stateless}]
  pipeline: [${staging}, ${live}]
  rings: [{name: pilot, soakMs: 0}, {name: broad, soakMs: 0}]
  verification: ${application}-works
---
apiVersion: headgate/v1
kind: Verification
${meta(`${application}-works`)}
spec:
  requestTimeoutMs: 2000
  workflows:
    - workflowId: work
      steps:
        - stepId: ask
          request: {method: GET, path: "/t/{$inputs.tenant}/work"}
          successCriteria:
            - condition: $statusCode == 200
            - condition: $response.header.x-slot == $inputs.slot
          onFailure:
            - type: retry
              retryAfterMs: 200
              retryLimit: 5
---
apiVersion: headgate/v1
kind: Policy
${meta(`${application}-free`)}
spec:
  gates: [{gate: signature}, {gate: restore-point, at: migrate, params: {maxAgeMs: 600000}}]
  rollbackScope: all
  ${limits}
---
apiVersion: headgate/v1
kind: Policy
${meta(`${application}-careful`)}
spec:
  gates:
    - {gate: signature}
    - {gate: tests-passed, params: {minimum: 1}}
    - {gate: soaked, params: {environment: ${staging}, durationMs: 100}}
    - {gate: approval, params: {count: 1}}
    - {gate: restore-point, at: migrate, params: {maxAgeMs: 600000}}
  rollbackScope: cell
  ${limits}
---
apiVersion: headgate/v1
kind: Environment
${meta(`${staging}`)}
spec: {application: ${application}, policy: ${application}-free, calendars: [], agent: agt-${application}}
---
apiVersion: headgate/v1
kind: Environment
${meta(`${live}`)}
spec: {application: ${application}, policy: ${application}-careful, calendars: [], agent: agt-${application}}
---
apiVersion: headgate/v1
kind: Cell
${meta(`${staging}`)}
spec: {environment: ${staging}, slots: [blue, green], stores: [{name: ${staging}-store}]}
---
apiVersion: headgate/v1
kind: Cell
${meta(`${live}`)}
spec: {environment: ${live}, slots: [blue, green], stores: [{name: ${live}-store}]}
`;
  return { file: `${application}.yaml`, text };
}

/** What a release is made to be like. */
export interface Likeness {
  /** It brings one migration more than the release before. */
  readonly migrates: boolean;
  /** Where its business transaction fails, if anywhere. */
  readonly badIn: Stage | undefined;
}

export interface MadeRelease extends Likeness {
  readonly n: number;
  readonly ref: ReleaseRef;
  readonly manifest: ReleaseManifest;
  readonly files: ReadonlyMap<Digest, Uint8Array>;
}

/** The releases of one system, in the order in which they are made. The first is what runs before Headgate comes. */
export class ReleaseLine {
  readonly application: string;
  readonly #files = new Map<Digest, Uint8Array>();
  readonly #migrations: Migration[] = [];
  #n = 0;

  constructor(application: string) {
    this.application = application;
  }

  next({ migrates, badIn }: Likeness): MadeRelease {
    const { application } = this;
    const n = this.#n++;
    if (n === 0 || migrates) this.#migrate();
    const bad = badIn === undefined ? '' : environmentOf(application, badIn);
    const web = this.#file('web.mjs', webOf(`1.${n}.0`, bad));
    const manifest: ReleaseManifest = {
      apiVersion: 'headgate/v1',
      kind: 'Release',
      application,
      version: `1.${n}.0`,
      authors: n === 0 ? [] : ['usr_author'],
      components: [
        {
          name: 'web',
          role: 'web',
          recovery: 'stateless',
          files: [web],
          command: ['${node}', '--max-semi-space-size=1', '${dir}/web.mjs'],
          healthPath: '/healthz',
        },
      ],
      schemaRange: { min: 1, max: 9_999 },
      migrations: [...this.#migrations],
      configuration: {},
      rollbackConditions: [],
      notes: '',
      origin: n === 0 ? 'adopted' : 'built',
    };
    const ref = { digest: digestOfJson(manifest), version: manifest.version };
    return { n, migrates, badIn, ref, manifest, files: new Map(this.#files) };
  }

  #migrate(): void {
    const from = this.#migrations.length;
    const sql =
      from === 0
        ? 'create table work(id serial primary key, tenant_id text not null);\n'
        : `alter table work add column note_${from} text;\n`;
    const id = `${String(from + 1).padStart(4, '0')}-work`;
    const up = this.#file(`${id}.sql`, sql);
    this.#migrations.push({ id, from, to: from + 1, phase: 'expand', up, undo: 'keep' });
  }

  #file(name: string, text: string): ArtifactFile {
    const bytes = Buffer.from(text);
    const digest = digestOf(bytes);
    this.#files.set(digest, bytes);
    return { name, digest, size: bytes.length };
  }
}

function webOf(version: string, badIn: string): string {
  return `import http from 'node:http';
const { PORT, SLOT, CELL } = process.env;
const server = http.createServer((request, response) => {
  const bad = request.url.endsWith('/work') && CELL === '${badIn}';
  response.writeHead(bad ? 500 : 200, { 'content-type': 'application/json', 'x-slot': SLOT });
  response.end(JSON.stringify({ version: '${version}', cell: CELL }));
});
server.listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;
}

/** A release as a CI system registers it. */
export function sealed({ manifest }: MadeRelease, key: SigningKey) {
  const done = sealRelease(manifest, key, Date.now());
  if (!('bundle' in done)) throw new Error(done.why);
  return { manifest: done.bytes.toString('utf8'), bundle: done.bundle as unknown as Record<string, unknown> };
}

/** A green run of its tests, signed. */
export function evidenceFor({ manifest, ref }: MadeRelease, key: SigningKey): Record<string, unknown> {
  const statement = testResultStatement({
    release: `${manifest.application}@${manifest.version}`,
    subject: ref.digest,
    command: ['test'],
    exitCode: 0,
    log: digestOf('a log'),
    tests: { passed: ['one'], failed: [], skipped: [] },
  });
  return signStatement(statement, key) as unknown as Record<string, unknown>;
}
