import type { Principal } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { MAX_COMMIT_STREAMS } from '../ports/commit-rules.ts';
import type { Read, Write } from '../ports/store.ts';
import { type DocumentRecord, streams } from '../records.ts';
import { no, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

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

/** Declares documents, all or none. What is unchanged makes no entry. Links between documents were checked before. */
export async function applyDocuments(
  deps: Deps,
  principal: Principal,
  documents: readonly AppliedDocument[],
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
  const canonical = documents.map(({ content, ...facts }) => deps.canonical(content ?? facts));
  const digests = await Promise.all(canonical.map((bytes) => deps.blobs.put(bytes)));
  return untilFresh('apply documents', 'document', async () => {
    const ids = documents.map((d) => streams.document(d.kind, d.name));
    const rows = await deps.store.load(ids);
    const writes: Write[] = [];
    const reads: Read[] = [];
    const applied: Applied[] = [];
    documents.forEach(({ kind, name, owner, spec }, i) => {
      const stream = ids[i] as string;
      const digest = digests[i] as DocumentRecord['digest'];
      const row = rows.get(stream);
      const before = row?.state as DocumentRecord | undefined;
      const change = before === undefined ? 'created' : before.digest === digest ? 'unchanged' : 'changed';
      applied.push({ kind, name, digest, change });
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
    if (writes.length === 0) return ok(applied);
    const committed = await deps.store.commit({ by: principal.id, writes, reads });
    return committed.ok ? ok(applied) : undefined;
  });
}
