import { applyDocuments, type DocumentRecord, notFound, refuse, streams } from '@headgate/control';
import { documentSchemas, KIND_NAMES } from '@headgate/documents';
import { readFiles } from '../../documents/read-files.ts';
import type { Context } from '../context.ts';
import type { Handlers } from '../handler.ts';
import { beginning, pageOfRows } from '../paging.ts';

const show = ({ kind, name, owner, digest }: DocumentRecord) => ({ kind, name, owner, digest });

export function documentHandlers({
  deps,
}: Context): Handlers<'applyDocuments' | 'listDocuments' | 'showDocument' | 'listKinds' | 'showKind'> {
  return {
    async applyDocuments({ principal, body }) {
      const read = await readFiles(deps, body.files);
      if (!read.ok) return read;
      const applied = await applyDocuments(deps, principal, read.value, body);
      return applied.ok ? { ok: true, value: { applied: applied.value } } : applied;
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
      return { ok: true, value: { ...show(record), content } };
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
