/** For tests only: a release with a real seal, a plan for it, and the assignments that a sound server would hand out. */
import {
  canonicalBytes,
  digestOf,
  digestOfJson,
  generateNoteKey,
  generateSigningKey,
  type NoteSigner,
  noteSigner,
  parseTrust,
  type SigningKey,
  sealRelease,
  signingKey,
  type Trust,
} from '@headgate/documents';
import {
  type Digest,
  envelopeOf,
  type Plan,
  type ReleaseManifest,
  type Scope,
  type Step,
  undoSteps,
} from '@headgate/domain';
import { aManifest, aMigration, aPlan, HOUR_MS, MINUTE_MS } from '@headgate/testkit/domain/builders';
import type { Assignment } from '../control-plane/assignment.ts';

export const ORIGIN = 'headgate.test/log';

export interface SealedPlan {
  readonly key: SigningKey;
  readonly logKey: NoteSigner;
  readonly trust: Trust;
  readonly trustText: string;
  /** With which `usr_approver` signs. */
  readonly approverKey: SigningKey;
  readonly manifest: ReleaseManifest;
  readonly release: Digest;
  readonly bundle: Digest;
  /** Its migration was planned before going back took two decisions: it is taken back without a question. */
  readonly plan: Plan;
  /** The same as it is planned now; its blob isn’t there. */
  readonly asking: Plan;
  /** What the server has, by digest. */
  readonly blobs: Map<Digest, Uint8Array>;
  readonly now: number;
  forward(step: string, more?: Partial<Assignment>): Assignment;
  undo(step: string, more?: Partial<Assignment>): Assignment;
}

/** `approverPem`: also trusts this key for what `usr_approver` approves. */
export function trustText(publicKeyPem: string, logKeyLine: string, approverPem?: string): string {
  const indented = (text: string): string => text.trim().split('\n').join('\n          ');
  const pem = indented(publicKeyPem);
  const approver =
    approverPem === undefined
      ? ''
      : `
    - name: approver
      principal: usr_approver
      may: [approval]
      publicKey: |
          ${indented(approverPem)}`;
  return `apiVersion: headgate/v1
kind: Trust
metadata: {name: test, owner: security}
spec:
  signers:
    - name: ci
      may: [release, evidence]
      publicKey: |
          ${pem}${approver}
  log:
    origin: ${ORIGIN}
    keys: ["${logKeyLine}"]
`;
}

export function parsed(text: string): Trust {
  const read = parseTrust(text, 'trust.yaml');
  if (!read.ok) throw new Error(read.problems.map((p) => p.message).join('\n'));
  return read.trust;
}

/** `now` is the wall clock that the plan is made for. */
export function sealedPlan(now = Date.now()): SealedPlan {
  const key = signingKey(generateSigningKey().privateKeyPem);
  const logKey = noteSigner(ORIGIN, 'tree-head', generateNoteKey(ORIGIN, 'tree-head').privateKeyPem);
  const approverKey = signingKey(generateSigningKey().privateKeyPem);
  const text = trustText(key.publicKeyPem, logKey.verifierKey, approverKey.publicKeyPem);
  const blobs = new Map<Digest, Uint8Array>();
  const put = (bytes: Uint8Array): Digest => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return digest;
  };
  const file = (name: string, content: string) => {
    const bytes = Buffer.from(content);
    return { name, digest: put(bytes), size: bytes.length };
  };
  const web = file('web.mjs', 'console.log("web")');
  const migration = (from: number) => {
    const id = `m${from + 1}`;
    const up = file(`${id}.up.sql`, `create table ${id} ()`);
    return aMigration(from, { up, down: file(`${id}.down.sql`, `drop table ${id}`), undo: 'down' });
  };
  const manifest = aManifest({
    components: [
      {
        name: 'web',
        role: 'web',
        recovery: 'stateless',
        files: [web],
        command: ['${node}', '${dir}/web.mjs'],
        healthPath: '/health',
      },
    ],
    migrations: [migration(0), migration(1)],
  });
  const sealed = sealRelease(manifest, key, now);
  if (!sealed.ok) throw new Error(sealed.why);
  put(sealed.bytes);
  const bundle = put(canonicalBytes(sealed.bundle));
  const release = { digest: sealed.digest, version: manifest.version };
  const asking = aPlan({ manifest, release, now });
  const plan = askingNobody(asking);
  const planDigest = put(canonicalBytes(plan));
  const cell = plan.cells[0]!;
  const envelope = digestOfJson(envelopeOf(plan));
  const common = {
    rollout: 'prm_1.shared',
    promotion: 'prm_1',
    application: 'psa',
    environment: 'production',
    cell: 'shared',
    plan: planDigest,
    release,
    envelope,
    approvals: [
      {
        by: 'usr_approver',
        envelope,
        at: now - MINUTE_MS,
        expiresAt: now + HOUR_MS,
        proof: 'server-attested' as const,
      },
    ],
    fence: { epoch: 1, n: 1 },
    lifetimeMs: 3_000,
    stepMs: 60_000,
  };
  return {
    key,
    logKey,
    trust: parsed(text),
    trustText: text,
    approverKey,
    manifest,
    release: sealed.digest,
    bundle,
    plan,
    asking,
    blobs,
    now,
    forward(id, more = {}) {
      const at = cell.steps.findIndex((step) => step.id === id);
      const { action } = cell.steps[at]!;
      return {
        ...common,
        step: id,
        action,
        course: 'forward',
        begun: at,
        idempotencyKey: `prm_1.shared/${id}`,
        ...more,
      };
    },
    undo(id, more = {}) {
      const scope: Scope = { kind: 'all', wave: 1 };
      const begun = cell.steps.length;
      const { action } = undoSteps(cell, scope, begun).find((step) => step.id === id)!;
      return {
        ...common,
        step: id,
        action,
        course: 'undo',
        scope,
        begun,
        idempotencyKey: `prm_1.shared/${id}`,
        ...more,
      };
    },
  };
}

function askingNobody(plan: Plan): Plan {
  const cells = plan.cells.map((cell) => ({
    ...cell,
    steps: cell.steps.map((step): Step => {
      if (step.undo.kind !== 'act' || step.undo.losesFrom === undefined) return step;
      const { approver: _a, losesFrom: _l, ...undo } = step.undo;
      return { ...step, undo };
    }),
  }));
  return { ...plan, cells };
}
