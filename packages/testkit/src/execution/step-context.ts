import { createHash } from 'node:crypto';
import type { Digest, ReleaseManifest } from '@headgate/domain';
import type { StepContext } from '@headgate/execution';

/** A step's context with a minute to go; `more` overrides any of it. Asking for bytes that a test didn't give is an error. */
export function stepContext(more: Partial<StepContext> = {}): StepContext {
  const until = performance.now() + 60_000;
  const missing = () => Promise.reject(new Error('this test gives no such thing'));
  return {
    cell: 'shared',
    environment: 'production',
    application: 'psa',
    rollout: 'r1',
    step: 's1',
    fence: { epoch: 1, n: 1 },
    idempotencyKey: 'r1/s1',
    remainingMs: () => until - performance.now(),
    signal: new AbortController().signal,
    manifest: missing,
    blob: missing,
    document: missing,
    log: () => {},
    ...more,
  };
}

/** A digest for a text: of a file's content, or just one that differs by name. */
export function digestFor(text: string): Digest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** A release of one component without files. */
export function manifestOf(version: string, more: Partial<ReleaseManifest> = {}): ReleaseManifest {
  return {
    apiVersion: 'headgate/v1',
    kind: 'Release',
    application: 'psa',
    version,
    authors: ['usr_author'],
    components: [],
    schemaRange: { min: 1, max: 2 },
    migrations: [],
    configuration: {},
    rollbackConditions: [],
    notes: '',
    origin: 'built',
    ...more,
  };
}
