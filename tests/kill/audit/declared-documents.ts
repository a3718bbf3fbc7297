import { calendarSpec, digestOfJson, environmentSpec, identityOf, parseDocuments } from '@headgate/documents';
import type { HistoryDocuments } from '@headgate/simulator/history/recorded';

/** What the entries `document.applied` name by digest, as the facts that gates judge. */
export function declared(
  documents: readonly { readonly file: string; readonly text: string }[],
): HistoryDocuments['document'] {
  const found = new Map<string, ReturnType<HistoryDocuments['document']>>();
  for (const { file, text } of documents) {
    const parsed = parseDocuments(text, { file });
    if (!parsed.ok) throw new Error(`${file} can't be read`);
    for (const { content } of parsed.documents) {
      const { kind } = content;
      const name = identityOf(content).slice(kind.length + 1);
      const spec =
        kind === 'Environment' ? environmentSpec(content) : kind === 'Calendar' ? calendarSpec(content) : content.spec;
      found.set(digestOfJson(content), { kind, name, spec });
    }
  }
  return (digest) => found.get(digest);
}
