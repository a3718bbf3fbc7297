import { type CellState, driftOf, type Principal, type ReleaseManifest, withoutDrift } from '@headgate/domain';
import { unmaskedStores } from '@headgate/domain/masking/copy';
import { noneNamed } from '../declared-environments.ts';
import type { Deps } from '../deps.ts';
import { loadDeclared } from '../documents-in-store.ts';
import type { Row, Write } from '../ports/store.ts';
import {
  type CellRecord,
  type DocumentRecord,
  environmentOf,
  type ReleaseRecord,
  shapeInEntry,
  streams,
} from '../records.ts';
import { no, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

/** How old the observation may be that an adoption rests on. Milliseconds. */
const FRESH_MS = 60_000;

/** So many tenants are named in a refusal. */
const MOST_NAMED = 5;
const PAGE = 1_000;

/**
 * Takes a running cell under control as it is: what an agent observed becomes what is desired, and the releases that run
 * become baseline releases. They carry no signature, so they can be gone back to but never promoted.
 */
export async function adoptCell(
  deps: Deps,
  principal: Principal,
  cell: string,
  manifests: readonly ReleaseManifest[],
): Promise<Result<CellState>> {
  const stream = streams.cell(cell);
  const denied = notPermitted(principal, 'adopt', stream);
  if (denied !== undefined) return no(denied);
  const declaration = streams.document('Cell', cell);
  const byDigest = new Map(manifests.map((m) => [deps.digestOf(m), m]));
  return untilFresh('adopt a cell', stream, async () => {
    const rows = await deps.store.load([stream, declaration]);
    const row = rows.get(stream) as Row<CellRecord> | undefined;
    const now = await deps.store.now();
    const seen = row?.state.observed;
    if (seen === undefined && !rows.has(declaration))
      return refuse(
        'not-found',
        'adopt a cell',
        declaration,
        await noneNamed(deps.store, 'Cell', cell),
        'name one of them, or declare it: headgate apply -f FILE',
      );
    if (row === undefined || seen === undefined)
      return refuse(
        'no-observation',
        'adopt a cell',
        stream,
        'no agent has observed it',
        'start the agent of its environment and wait for its first observation',
      );
    if (row.state.desired !== undefined)
      return refuse(
        'already-adopted',
        'adopt a cell',
        stream,
        'it is under control already',
        'nothing: changes go by promotions',
      );
    const own = environmentOf(undefined, rows.get(declaration)?.state as DocumentRecord | undefined);
    if (own !== seen.state.environment)
      return refuse(
        'other-environment',
        'adopt a cell',
        declaration,
        `it was observed in ${seen.state.environment}, and ${own === undefined ? 'is not declared' : `is declared for ${own}`}`,
        'apply a Cell document of that name and environment',
      );
    if (now - seen.at > FRESH_MS)
      return refuse(
        'stale-observation',
        'adopt a cell',
        stream,
        `it was last observed ${now - seen.at} ms ago`,
        'see that the agent runs',
      );
    const [drifted] = driftOf(seen.state);
    if (drifted !== undefined)
      return refuse(
        'drifted',
        'adopt a cell',
        stream,
        `store ${drifted.store} is at no version that a release leaves: ${drifted.why}`,
        'bring the store to a version that a release of this cell leaves, and wait for the next observation',
      );
    const asked = await loadDeclared(deps.store, seen.state.application, seen.state.environment);
    if (!asked.ok) return refuse('not-declared', 'adopt a cell', asked.missing, asked.because, asked.unblock);
    const unmasked = unmaskedStores(Object.keys(seen.state.stores), seen.state, asked.declared.policy);
    if (unmasked.length > 0) return no(...unmasked.slice(0, MOST_NAMED));
    const unserved = await notRouted(deps, seen.state);
    if (unserved.length > 0)
      return refuse(
        'not-routed',
        'adopt a cell',
        stream,
        `${unserved.slice(0, MOST_NAMED).join(', ')}${unserved.length > MOST_NAMED ? ` and ${unserved.length - MOST_NAMED} more` : ''} ${unserved.length === 1 ? 'is' : 'are'} declared there, and the agent saw no slot that serves them: its router answers 404, or router and workers disagree`,
        'finish what lacks there (of a service: headgate-agent stop --config FILE --agent-only, headgate-agent take-up, headgate-agent run), and wait for the next observation',
      );
    const writes: Write[] = [
      {
        stream,
        expected: row.version,
        entries: [
          {
            type: 'cell.adopted',
            data: { digest: deps.digestOf(seen.state), ...shapeInEntry(seen.state) },
          },
        ],
        state: { ...row.state, desired: withoutDrift(seen.state), uncertain: false },
        dueAt: null,
      },
    ];
    const running = Object.values(seen.state.slots).flatMap((slot) =>
      slot.release === undefined ? [] : [slot.release],
    );
    for (const ref of new Map(running.map((r) => [r.digest, r])).values()) {
      const releaseStream = streams.release(ref.digest);
      if ((await deps.store.load([releaseStream])).has(releaseStream)) continue;
      const manifest = byDigest.get(ref.digest);
      if (manifest === undefined || manifest.origin !== 'adopted')
        return refuse(
          'no-manifest',
          'adopt a cell',
          stream,
          `release ${ref.version} (${ref.digest}) runs there, and no manifest of that digest was given`,
          'give the manifest that the agent observed',
        );
      await deps.blobs.put(deps.canonical(manifest));
      const record: ReleaseRecord = {
        ref,
        application: manifest.application,
        manifest,
        signature: undefined,
        evidence: [],
        soaked: [],
        registeredAt: now,
        registeredBy: principal.id,
      };
      const data = { digest: ref.digest, application: manifest.application, version: ref.version, origin: 'adopted' };
      writes.push({
        stream: releaseStream,
        expected: 0,
        entries: [{ type: 'release.adopted', data }],
        state: record,
        dueAt: null,
      });
    }
    const committed = await deps.store.commit({ by: principal.id, writes });
    return committed.ok ? ok(seen.state) : undefined;
  });
}

/** Tenants that are declared for a cell, and that no slot was seen to serve. */
async function notRouted({ store }: Deps, seen: CellState): Promise<readonly string[]> {
  const under = `${streams.document('Tenant', seen.cell)}/`;
  const missing: string[] = [];
  for (let after: string | undefined; ; ) {
    const rows = await store.list('document', { under, limit: PAGE, ...(after !== undefined && { after }) });
    const names = rows.map(({ stream }) => stream.slice(under.length));
    missing.push(...names.filter((name) => !Object.hasOwn(seen.tenants, name)));
    if (rows.length < PAGE) return missing;
    after = rows.at(-1)?.stream;
  }
}
