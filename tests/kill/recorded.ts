/** What a recorded log names by digest, fetched or read, as the history's checker asks for it. */
import type { Client } from '@headgate/contract';
import {
  calendarSpec,
  digestOfJson,
  environmentSpec,
  identityOf,
  type LogEntry,
  parseDocuments,
} from '@headgate/documents';
import type { Plan } from '@headgate/domain';
import type { HistoryDocuments } from '@headgate/simulator/history/recorded';

/** The size in a checkpoint's second line. */
export function treeSize(note: string): number {
  return Number(note.split('\n')[1]);
}

/** The plans that a log names. */
export async function plansIn(auditor: Client, entries: readonly LogEntry[]): Promise<ReadonlyMap<string, Plan>> {
  const plans = new Map<string, Plan>();
  for (const { type, data } of entries) {
    if (type !== 'promotion.requested') continue;
    const digest = (data as { plan: `sha256:${string}` }).plan;
    const bytes = await auditor.call('getBlob', { digest });
    plans.set(digest, JSON.parse(Buffer.from(bytes).toString('utf8')) as Plan);
  }
  return plans;
}

/** What the entries `document.applied` name by digest, as the facts that gates judge. */
export function declaredIn(
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
