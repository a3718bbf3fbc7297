/** A small company on a real server: one application, staging and production, and an agent that says it did what it was asked. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Assignment,
  type CellState,
  type Client,
  createClient,
  type Outcome,
  ProblemError,
} from '@headgate/contract';
import {
  digestOf,
  digestOfJson,
  generateSigningKey,
  type SigningKey,
  sealRelease,
  signingKey,
  signStatement,
  testResultStatement,
} from '@headgate/documents';
import type { RealServer } from './real-server.ts';

type Digest = `sha256:${string}`;

export const DOCUMENTS = `
apiVersion: headgate/v1
kind: Application
metadata: {name: shop, owner: team-shop}
spec:
  tenancy: rows
  components: [{name: web, role: web, recovery: stateless}]
  pipeline: [staging, production]
  rings: [{name: pilot, soakMs: 0}, {name: broad, soakMs: 0}]
  verification: shop-works
---
apiVersion: headgate/v1
kind: Verification
metadata: {name: shop-works, owner: team-shop}
spec:
  workflows:
    - workflowId: alive
      steps:
        - stepId: ask
          request: {method: GET, path: /healthz}
          successCriteria: [{condition: "$statusCode == 200"}]
---
apiVersion: headgate/v1
kind: Policy
metadata: {name: free, owner: team-shop}
spec:
  gates: [{gate: signature}]
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
---
apiVersion: headgate/v1
kind: Policy
metadata: {name: careful, owner: team-shop}
spec:
  gates: [{gate: signature}, {gate: tests-passed, params: {minimum: 1}}, {gate: approval, params: {count: 1}}]
  rollbackScope: all
  limits: {latestFinishMs: 3600000, approvalMs: 3600000}
---
apiVersion: headgate/v1
kind: Environment
metadata: {name: staging, owner: team-shop}
spec: {application: shop, policy: free, calendars: [], agent: agt-shop}
---
apiVersion: headgate/v1
kind: Environment
metadata: {name: production, owner: team-shop}
spec: {application: shop, policy: careful, calendars: [], agent: agt-shop}
---
apiVersion: headgate/v1
kind: Cell
metadata: {name: stage, owner: team-shop}
spec: {environment: staging, slots: [blue, green], stores: [{name: main}]}
---
apiVersion: headgate/v1
kind: Cell
metadata: {name: live, owner: team-shop}
spec: {environment: production, slots: [blue, green], stores: [{name: main}]}
`;

const RANGE = { min: 1, max: 2 };

export class SmallCompany {
  readonly server: RealServer;
  readonly key: SigningKey;
  readonly keyPem: string;
  readonly baseline: { readonly manifest: Record<string, unknown>; readonly digest: Digest };
  #agentToken = '';

  private constructor(server: RealServer, keyPem: string) {
    this.server = server;
    this.keyPem = keyPem;
    this.key = signingKey(keyPem);
    // It runs on the next schema, too: releases may expand.
    const manifest = { ...this.manifest('1.0.0'), schemaRange: RANGE, origin: 'adopted', authors: [] };
    this.baseline = { manifest, digest: digestOfJson(manifest) };
  }

  /** Applies the documents, trusts a key, enrols the agent, lets it observe both cells, and adopts them. */
  static async found(server: RealServer): Promise<SmallCompany> {
    const company = new SmallCompany(server, generateSigningKey().privateKeyPem);
    await company.trust();
    const manager = await server.client('release-manager');
    await manager.call('applyDocuments', { body: { files: [{ name: 'shop.yaml', text: DOCUMENTS }] } });
    const admin = await server.client('admin');
    const body = { id: 'agt_shop', environments: ['staging', 'production'] };
    company.#agentToken = (await admin.call('enrolAgent', { body })).token;
    for (const [cell, environment] of [
      ['stage', 'staging'],
      ['live', 'production'],
    ] as const) {
      await company.agent.call('observeCell', { cell, body: company.observation(cell, environment) });
      await manager.call('adoptCell', { cell, body: { manifests: [company.baseline.manifest] } });
    }
    return company;
  }

  get agent(): Client {
    return this.agentAt(this.server.url);
  }

  /** As it asks another server on the same database. */
  agentAt(baseUrl: string): Client {
    return createClient({ baseUrl, token: this.#agentToken });
  }

  /** With `approverPem` also what this key's owner, `usr_approver`, approves. */
  async trust(approverPem?: string): Promise<void> {
    const verifier = (await readFile(join(this.server.dataDir, 'log.pub'), 'utf8')).trim();
    const trust = {
      apiVersion: 'headgate/v1',
      kind: 'Trust',
      metadata: { name: 'shop', owner: 'security' },
      spec: {
        signers: [
          { name: 'ci', may: ['release', 'evidence'], publicKey: this.key.publicKeyPem },
          ...(approverPem === undefined
            ? []
            : [{ name: 'approver', principal: 'usr_approver', may: ['approval'], publicKey: approverPem }]),
        ],
        log: { origin: verifier.split('+')[0], keys: [verifier] },
      },
    };
    await writeFile(join(this.server.dataDir, 'trust.yaml'), JSON.stringify(trust));
  }

  observation(cell: string, environment: string): CellState {
    const release = { digest: this.baseline.digest, version: '1.0.0' };
    return {
      cell,
      application: 'shop',
      environment,
      slots: { blue: { release, schemaRange: RANGE }, green: {} },
      stores: { main: { schemaVersion: 1 } },
      tenants: {
        acme: { slot: 'blue', store: 'main', ring: 'pilot' },
        bolt: { slot: 'blue', store: 'main', ring: 'broad' },
      },
    };
  }

  readonly artifact = Buffer.from('export {};\n');

  manifest(version: string): Record<string, unknown> {
    const file = { name: 'web.mjs', digest: digestOf(this.artifact), size: this.artifact.length };
    return {
      apiVersion: 'headgate/v1',
      kind: 'Release',
      application: 'shop',
      version,
      authors: ['usr_author'],
      components: [
        {
          name: 'web',
          role: 'web',
          recovery: 'stateless',
          files: [file],
          command: ['${node}', '${dir}/web.mjs'],
          healthPath: '/healthz',
        },
      ],
      schemaRange: { min: 1, max: 1 },
      migrations: [],
      configuration: {},
      rollbackConditions: [],
      notes: '',
      origin: 'built',
    };
  }

  sealed(version: string, key = this.key, more: object = {}) {
    const sealed = sealRelease({ ...this.manifest(version), ...more }, key, 1_700_000_000_000);
    if (!('bundle' in sealed)) throw new Error(sealed.why);
    const bundle = sealed.bundle as unknown as Record<string, unknown>;
    return { manifest: sealed.bytes.toString('utf8'), bundle, digest: sealed.digest };
  }

  /** Uploads and registers a release with a green test run; `more` stands in its manifest. */
  async release(version: string, more: object = {}): Promise<Digest> {
    const developer = await this.server.client('developer');
    await developer.call('putBlob', { digest: digestOf(this.artifact), body: this.artifact });
    const { digest, ...body } = this.sealed(version, this.key, more);
    await developer.call('registerRelease', { body });
    await developer.call('attachEvidence', { body: { bundle: this.evidence(version, digest) } });
    return digest;
  }

  evidence(version: string, subject: Digest, key = this.key): Record<string, unknown> {
    const log = digestOf('a log');
    const tests = { passed: ['one'], failed: [], skipped: [] };
    const statement = testResultStatement({
      release: `shop@${version}`,
      subject,
      command: ['test'],
      exitCode: 0,
      log,
      tests,
    });
    return signStatement(statement, key) as unknown as Record<string, unknown>;
  }

  /** Carries out steps until `done` says so: says of each that it was done, or what `outcome` says. */
  async carryOut(done: () => Promise<boolean>, outcome: (a: Assignment) => Outcome = didIt): Promise<Assignment[]> {
    const carried: Assignment[] = [];
    const end = performance.now() + 20_000;
    while (!(await done())) {
      if (performance.now() > end) throw new Error(`not done after ${carried.map((a) => a.step).join(', ')}`);
      const { assignment } = await this.agent.call('leaseStep', { body: { waitMs: 100 } });
      if (assignment === null) continue;
      carried.push(assignment);
      const { rollout, fence } = assignment;
      await this.agent.call('settleStep', { rollout, n: fence.n, body: outcome(assignment) });
    }
    return carried;
  }
}

/** What an agent would answer that did what it was asked. */
export function didIt({ action }: Assignment): Outcome {
  const checks = { passed: 1, failed: 0 };
  switch (action.kind) {
    case 'route':
      return { kind: 'done', result: { routed: action.tenants.length } };
    case 'verify':
    case 'soak':
      return { kind: 'done', result: { checks } };
    case 'restore-point': {
      const manifest = digestOf('a restore point');
      const restorePoint = { id: 'rp_1', store: action.store, takenAt: Date.now(), manifest, bytes: 1, verified: true };
      return { kind: 'done', result: { restorePoint } };
    }
    default:
      return { kind: 'done', result: {} };
  }
}

/** The problem that a call ends with. */
export async function refused(call: Promise<unknown>): Promise<ProblemError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ProblemError) return error;
  throw new Error('the call was not refused', { cause: error });
}
