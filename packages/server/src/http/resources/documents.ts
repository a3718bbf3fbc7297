import { applyDocuments, type DocumentRecord, notFound, refuse, type StreamEntry, streams } from '@headgate/control';
import { documentSchemas, KIND_NAMES } from '@headgate/documents';
import { decodeEntry } from '@headgate/documents/log/entry';
import type { Digest, Instant } from '@headgate/domain';
import { endedWaivers } from '@headgate/domain/gates/finding-waivers';
import { type ReadDocument, readFiles } from '../../documents/read-files.ts';
import type { Context } from '../context.ts';
import type { Handlers } from '../handler.ts';
import { beginning, pageOfRows } from '../paging.ts';

const show = ({ kind, name, owner, digest }: DocumentRecord) => ({ kind, name, owner, digest });

/** So many things that are odd and no mistake are told at once. */
const MOST_WARNINGS = 20;

/** A waiver that has ended does no harm and no good: who applies it means something else, or forgot to take it out. */
function endedWaiversOf(documents: readonly ReadDocument[], now: Instant): readonly string[] {
  return documents
    .flatMap(({ content }) => {
      if (content.kind !== 'Policy') return [];
      return endedWaivers(content.spec.gates, now).map(
        ({ rule, file, until }) =>
          `Policy ${content.metadata.name}: the waiver of ${rule} for ${file} ended (until: ${until}), and waives nothing any more: take it out, or give it a later end`,
      );
    })
    .slice(0, MOST_WARNINGS);
}

/** So many declarations of a document are told. */
const MOST_HISTORY = 20;

function declarationOf({ bytes }: StreamEntry) {
  const decoded = decodeEntry(bytes);
  if (!decoded.ok || decoded.entry.type !== 'document.applied') return [];
  const { by, at, data } = decoded.entry;
  return [{ digest: data.digest as Digest, by, at }];
}

export function documentHandlers({
  deps,
  log,
}: Context): Handlers<'applyDocuments' | 'listDocuments' | 'showDocument' | 'listKinds' | 'showKind'> {
  return {
    async applyDocuments({ principal, body }) {
      const read = await readFiles(deps, body.files);
      if (!read.ok) return read;
      const applied = await applyDocuments(deps, principal, read.value, body);
      if (!applied.ok) return applied;
      const warnings = endedWaiversOf(read.value, await deps.store.now());
      return { ok: true, value: { applied: applied.value, ...(warnings.length > 0 && { warnings }) } };
    },
    async listDocuments({ input }) {
      const { kind, prefix } = input;
      if (kind === undefined && prefix !== undefined)
        return refuse('malformed', 'list', 'query/prefix', 'names begin so within a kind', 'give the kind, too');
      const only = kind === undefined ? {} : beginning('document', `${kind}/${prefix ?? ''}`);
      const page = await pageOfRows(deps.store, 'document', input, only);
      if (!page.ok) return page;
      const items = page.value.rows.map((row) => show(row.state as DocumentRecord));
      return { ok: true, value: { items, next: page.value.next } };
    },
    async showDocument({ input }) {
      const stream = streams.document(input.kind, input.name);
      const row = (await deps.store.load([stream])).get(stream);
      if (row === undefined) return notFound('show a document', stream);
      const record = row.state as DocumentRecord;
      const bytes = await deps.blobs.get(record.digest);
      if (bytes === undefined) return notFound('show a document', `blob/${record.digest}`);
      const content = JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>;
      const entries = await log.history(stream, Math.max(0, row.version - MOST_HISTORY), MOST_HISTORY);
      return { ok: true, value: { ...show(record), content, history: entries.flatMap(declarationOf).reverse() } };
    },
    async listKinds() {
      const schemas = documentSchemas();
      return { ok: true, value: { kinds: KIND_NAMES.map((kind) => ({ kind, schema: schemas[kind] ?? {} })) } };
    },
    async showKind({ input }) {
      const schema = documentSchemas()[input.kind];
      return schema === undefined ? notFound('show a kind', `kind/${input.kind}`) : { ok: true, value: schema };
    },
  };
}
