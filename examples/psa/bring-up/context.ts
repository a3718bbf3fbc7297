import type { Digest } from '@headgate/domain';
import type { StepContext } from '@headgate/execution';

/** How long one part of bringing the example up may take. Milliseconds. */
const LIFETIME_MS = 60_000;

/**
 * The context of a step that no plan asked for: somebody brings a system up before Headgate knows it. Its fence is the
 * lowest there is, so nothing that a control plane decided is ever undone by it.
 */
export function bringUpContext(args: {
  readonly cell: string;
  readonly environment: string;
  readonly files: ReadonlyMap<Digest, Uint8Array>;
  readonly application?: string;
  readonly log?: (line: string) => void;
}): StepContext {
  const until = performance.now() + LIFETIME_MS;
  return {
    cell: args.cell,
    environment: args.environment,
    application: args.application ?? 'psa',
    rollout: 'bring-up',
    step: args.cell,
    fence: { epoch: 0, n: 0 },
    idempotencyKey: `bring-up/${args.cell}`,
    remainingMs: () => until - performance.now(),
    signal: AbortSignal.timeout(LIFETIME_MS),
    manifest: () =>
      Promise.reject(new Error('bringing up takes its manifest from the build, not from a control plane')),
    document: () => Promise.reject(new Error('bringing up needs no documents')),
    async blob(digest) {
      const bytes = args.files.get(digest);
      if (bytes === undefined) throw new Error(`the build has no file ${digest}`);
      return bytes;
    },
    log: args.log ?? (() => {}),
  };
}
