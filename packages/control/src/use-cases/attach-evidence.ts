import type { EvidenceFact, Principal } from '@headgate/domain';
import type { AnalysisEvidence } from '@headgate/domain/analysis/analysis';
import type { RehearsalEvidence } from '@headgate/domain/rehearsal/rehearsal';
import type { Deps } from '../deps.ts';
import type { Row } from '../ports/store.ts';
import { type ReleaseRecord, streams } from '../records.ts';
import { roomFor, withEvidence } from './evidence-room.ts';
import { no, notFound, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

/**
 * Attaches a signed statement to the release that it names. Attaching it twice is once, whatever stands beside the
 * signature. Promotions that wait look again.
 */
export async function attachEvidence(deps: Deps, principal: Principal, bundle: unknown): Promise<Result<EvidenceFact>> {
  const denied = notPermitted(principal, 'attach-evidence', 'evidence');
  if (denied !== undefined) return no(denied);
  const opened = deps.trust.openEvidence(bundle);
  if (!opened.ok) return refuse(opened.code, 'attach the evidence', opened.where, opened.why, opened.unblock);
  const { fact, signed } = opened;
  const names = [fact.digest, ...signed.also];
  const stream = streams.release(fact.subject);
  return untilFresh('attach the evidence', stream, async () => {
    const row = (await deps.store.load([stream])).get(stream) as Row<ReleaseRecord> | undefined;
    if (row === undefined) return notFound('attach the evidence', stream);
    const { evidence } = row.state;
    const known = evidence.find(
      ({ digest, said }) => names.includes(digest) || (said !== undefined && said === fact.said),
    );
    if (known !== undefined) return ok(known);
    const room = roomFor(evidence, fact);
    if (!room.ok) return refuse('too-much-evidence', 'attach the evidence', stream, room.why, 'create a new release');
    await deps.blobs.put(deps.canonical(signed.bundle));
    const { digest, predicateType, keyId, result, rehearsal, rollbackRehearsal, analysis } = fact;
    const told = {
      ...(result === undefined ? {} : { result }),
      ...(rehearsal === undefined ? {} : { rehearsal: withoutTimes(rehearsal) }),
      ...(rollbackRehearsal === undefined
        ? {}
        : { rollbackRehearsal: { ...rollbackRehearsal, migrated: rollbackRehearsal.migrated.length } }),
      ...(analysis === undefined ? {} : { analysis: inShort(analysis) }),
    };
    const data = {
      evidence: digest,
      ...(fact.said === undefined ? {} : { said: fact.said }),
      predicateType,
      keyId,
      ...(room.instead === undefined ? {} : { instead: room.instead }),
      ...told,
    };
    const state: ReleaseRecord = { ...row.state, evidence: withEvidence(evidence, fact, room.instead) };
    const committed = await deps.store.commit({
      by: principal.id,
      writes: [
        { stream, expected: row.version, entries: [{ type: 'release.evidence-attached', data }], state, dueAt: null },
      ],
    });
    return committed.ok ? ok(fact) : undefined;
  });
}

/** What an entry says of a rehearsal: each migration's time stands in the statement itself, and in the release's row. */
function withoutTimes({ migrations: _, ...rehearsal }: RehearsalEvidence): object {
  return rehearsal;
}

/** What an entry says of an analysis: entries are bounded, however many migrations it read and whatever it found. */
function inShort({ at, stallMs, catalogue, migrations, found }: AnalysisEvidence): object {
  const count = (level: string): number =>
    found.reduce((sum, each) => (each.level === level ? sum + each.count : sum), 0);
  const judged = catalogue === undefined ? {} : { catalogue };
  return { at, stallMs, ...judged, migrations: migrations.length, errors: count('error'), warnings: count('warning') };
}
