import type { Principal, Refusal } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { MAX_COMMIT_STREAMS } from '../ports/commit-rules.ts';
import type { Read, Write } from '../ports/store.ts';
import { type DocumentRecord, streams } from '../records.ts';
import { takenFromOthers } from './others-documents.ts';
import { no, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';
import { changedForOthers } from './shared-documents.ts';

/** Documents of one call: a commit names each one's stream. */
const MOST_AT_ONCE = MAX_COMMIT_STREAMS;

/** A document that was parsed and checked: kind, name, owner and the spec as planner and gates take it, plain JSON. */
export interface AppliedDocument {
  readonly kind: string;
  readonly name: string;
  readonly owner: string;
  readonly spec: unknown;
  /** The document as it was declared: what is stored as a blob and named by the digest. Without it, the fields above. */
  readonly content?: unknown;
}

export interface Applied {
  readonly kind: string;
  readonly name: string;
  readonly digest: string;
  readonly change: 'created' | 'changed' | 'unchanged';
}

export interface HowApplied {
  /** Says what would change, and changes nothing. */
  readonly dryRun?: boolean;
  /** What is another application's or another owner's is meant to change hands. */
  readonly takeOver?: boolean;
}

/** So many refusals are told at once. */
const MOST_TOLD = 20;

/**
 * Declares documents, all or none. What is unchanged makes no entry. Links between documents were checked before. What
 * belongs to somebody else is changed only by who says so.
 */
export async function applyDocuments(
  deps: Deps,
  principal: Principal,
  documents: readonly AppliedDocument[],
  { dryRun = false, takeOver = false }: HowApplied = {},
): Promise<Result<readonly Applied[]>> {
  const denied = notPermitted(principal, 'apply', 'document');
  if (denied !== undefined) return no(denied);
  if (documents.length > MOST_AT_ONCE)
    return refuse(
      'too-many-documents',
      'apply documents',
      'document',
      `${documents.length} were given, ${MOST_AT_ONCE} are taken at a time`,
      'apply them in parts, what is referred to first',
    );
  const contents = documents.map(({ content, ...facts }) => content ?? facts);
  const digests = dryRun
    ? contents.map((content) => deps.digestOf(content))
    : await Promise.all(contents.map((content) => deps.blobs.put(deps.canonical(content))));
  return untilFresh('apply documents', 'document', async () => {
    const ids = documents.map((d) => streams.document(d.kind, d.name));
    const rows = await deps.store.load(ids);
    const writes: Write[] = [];
    const reads: Read[] = [];
    const applied: Applied[] = [];
    const taken: Refusal[] = [];
    const changed: AppliedDocument[] = [];
    documents.forEach((document, i) => {
      const { kind, name, owner, spec } = document;
      const stream = ids[i] as string;
      const digest = digests[i] as DocumentRecord['digest'];
      const row = rows.get(stream);
      const before = row?.state as DocumentRecord | undefined;
      const change = before === undefined ? 'created' : before.digest === digest ? 'unchanged' : 'changed';
      applied.push({ kind, name, digest, change });
      const others = before === undefined || change === 'unchanged' ? undefined : takenFromOthers(before, document);
      if (others !== undefined) taken.push(others);
      if (change === 'changed') changed.push(document);
      const expected = row?.version ?? 0;
      if (change === 'unchanged') reads.push({ stream, version: expected });
      else {
        const state: DocumentRecord = { kind, name, owner, spec, digest };
        writes.push({
          stream,
          expected,
          entries: [{ type: 'document.applied', data: { kind, name, owner, digest, change } }],
          state,
          dueAt: null,
        });
      }
    });
    const others = takeOver ? undefined : await changedForOthers(deps.store, documents, changed);
    taken.push(...(others?.refusals ?? []));
    if (taken.length > 0 && !takeOver) return no(...taken.slice(0, MOST_TOLD));
    if (dryRun || writes.length === 0) return ok(applied);
    const committed = await deps.store.commit({
      ...{ by: principal.id, writes, reads },
      // Who goes by a document may change until the very commit.
      ...(others !== undefined && others.lists.length > 0 && { lists: others.lists }),
    });
    return committed.ok ? ok(applied) : undefined;
  });
}
