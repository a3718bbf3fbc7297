/** For tests only: everything that carries a step out, over a server that is a map, and a cell that only counts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Action, Digest, Outcome, ReleaseRef } from '@headgate/domain';
import type { StepContext } from '@headgate/execution';
import { NOON, soundOutcome } from '@headgate/testkit/domain/builders';
import { Baselines } from '../artifacts/baselines.ts';
import { BlobCache } from '../artifacts/blob-cache.ts';
import { Plans } from '../artifacts/plans.ts';
import { Releases } from '../artifacts/releases.ts';
import { SignedApprovals } from '../artifacts/signed-approvals.ts';
import { type CarryOutParts, carryOut } from '../assignments/carry-out.ts';
import { Lease } from '../assignments/lease.ts';
import type { Cell } from '../cells/cell.ts';
import type { Enrolment } from '../checks/facts.ts';
import type { Assignment } from '../control-plane/assignment.ts';
import { openLog } from '../log.ts';
import { MarksFile } from '../marks/marks-file.ts';
import type { SealedPlan } from './sealed-plan.ts';

export const silent = openLog('test', 'silent');

export const ENROLMENT: Enrolment = {
  environments: [{ name: 'production' }],
  cells: [{ cell: 'shared', environment: 'production', application: 'psa' }],
};

/** A cell that does as it is told, and remembers what that was. */
export class CountingCell implements Cell {
  readonly name = 'shared';
  readonly environment = 'production';
  readonly application = 'psa';
  readonly done: Action[] = [];
  act: (action: Action, ctx: StepContext) => Promise<Outcome> = async (action) => soundOutcome(action, NOON);

  async carryOut(action: Action, ctx: StepContext): Promise<Outcome> {
    this.done.push(action);
    return this.act(action, ctx);
  }
  compensate(..._: Parameters<Cell['compensate']>): ReturnType<Cell['compensate']> {
    throw new Error('not in this test');
  }
  observe(): never {
    throw new Error('not in this test');
  }
  async keptPoints(): Promise<readonly never[]> {
    return [];
  }
  async keep(): Promise<void> {}
  async close(): Promise<void> {}
}

export interface BenchAgent {
  readonly dir: string;
  readonly cell: CountingCell;
  readonly parts: CarryOutParts;
  readonly baselines: Baselines;
  carryOut(assignment: Assignment, parts?: Partial<CarryOutParts>): Promise<Outcome>;
  remove(): Promise<void>;
}

/** `bundleOf`: what the server says seals a release; by default the real seal. */
export async function benchAgent(
  sealed: SealedPlan,
  more: { bundleOf?: (release: Digest) => Digest | null | undefined; seen?: readonly ReleaseRef[] } = {},
): Promise<BenchAgent> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-agent-'));
  const blobs = await BlobCache.open(dir, async (digest) => sealed.blobs.get(digest));
  const baselines = await Baselines.open(dir);
  await baselines.record('shared', more.seen ?? [], new Date());
  const bundleOf = more.bundleOf ?? (() => sealed.bundle);
  const plane = { bundleOf: async (release: Digest) => bundleOf(release) };
  const parts: CarryOutParts = {
    enrolment: ENROLMENT,
    marks: await MarksFile.open(dir),
    blobs,
    plans: new Plans(blobs),
    releases: new Releases(plane, blobs, sealed.trust, baselines),
    approvals: new SignedApprovals(blobs, sealed.trust),
    alarm: () => undefined,
    now: () => sealed.now,
  };
  const cell = new CountingCell();
  return {
    dir,
    cell,
    parts,
    baselines,
    async carryOut(assignment, other = {}) {
      const lease = new Lease({ renew: async () => 3_000 }, assignment, performance.now());
      try {
        return await carryOut({ ...parts, ...other }, cell, lease, silent);
      } finally {
        lease.close();
      }
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
