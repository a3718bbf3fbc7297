import { canonicalJson } from '@headgate/documents';
import type { Action, MigrationRef, Refusal } from '@headgate/domain';
import type { Assignment } from '../control-plane/assignment.ts';
import { type Check, type CheckFacts, refusal } from './facts.ts';

/**
 * Whether a step needs a release that the agent vouches for: forward, every one (no look at code that nobody trusts, and
 * its authors' approvals don't count); in an undo, whatever runs the release's bytes or is judged by its manifest.
 */
export function needsRelease({ action, course }: Pick<Assignment, 'action' | 'course'>): boolean {
  return course === 'forward' || RUNS_ITS_BYTES.has(action.kind);
}

const RUNS_ITS_BYTES: ReadonlySet<Action['kind']> = new Set(['deploy', 'migrate', 'unmigrate', 'restore']);

/**
 * What is deployed and migrated is what the sealed manifest says, file by file: the plan came from the server, the
 * manifest's seal did not.
 */
export const releaseKnown: Check = (facts) => {
  if (!needsRelease(facts.assignment)) return undefined;
  const { assignment, plan, release } = facts;
  const { action } = assignment;
  const other = (why: string): Refusal =>
    refusal(facts, 'other-release', why, 'nothing: the agent runs only what a trusted key sealed');
  if (release === undefined) return other('no release that this agent vouches for stands behind it');
  const wanted = action.kind === 'deploy' ? action.release : plan.release;
  const { manifest } = release;
  if (release.digest !== wanted.digest || manifest.version !== wanted.version)
    return other(`it names ${wanted.version} (${wanted.digest}), verified was ${manifest.version} (${release.digest})`);
  if (manifest.application !== plan.application)
    return other(`the release is one of ${manifest.application}, not of ${plan.application}`);
  if (assignment.course === 'forward' && release.digest !== plan.release.digest)
    return other(`the plan promotes ${plan.release.version}, this is ${manifest.version}`);
  if (assignment.course === 'forward' && release.by === 'own-observation')
    return other('it is a baseline that was seen running: it can be gone back to, never promoted');
  if (release.digest === plan.release.digest && canonicalJson(manifest.schemaRange) !== canonicalJson(plan.schemaRange))
    return other('the plan gives it another schema range than its manifest');
  if (action.kind === 'migrate' || action.kind === 'unmigrate') {
    const foreign = action.migrations.find((ref) => !isOfManifest(facts, ref, action.kind));
    if (foreign !== undefined) return other(`migration ${foreign.id} is not the one that the manifest names`);
  }
  return undefined;
};

function isOfManifest({ release }: CheckFacts, ref: MigrationRef, kind: 'migrate' | 'unmigrate'): boolean {
  const own = release?.manifest.migrations.find((m) => m.id === ref.id);
  const file = kind === 'migrate' ? own?.up : own?.down;
  if (own === undefined || file === undefined) return false;
  const { id, from, to, phase } = own;
  return canonicalJson({ id, from, to, phase, file }) === canonicalJson(ref);
}
