import type { Client } from '@headgate/contract';

export interface AuditedLog {
  /** Streams. */
  readonly checked: number;
  readonly differences: readonly { readonly stream: string; readonly field: string; readonly why: string }[];
  /** What the log doesn't say, so that nobody can tell. */
  readonly unchecked: readonly { readonly stream: string; readonly why: string }[];
}

/** Has the server fold the entries of every stream and compare them with its rows, page by page. */
export async function auditLog(client: Pick<Client, 'call'>, stop?: AbortSignal): Promise<AuditedLog> {
  const differences: AuditedLog['differences'][number][] = [];
  const unchecked: AuditedLog['unchecked'][number][] = [];
  let checked = 0;
  let cursor: string | null | undefined;
  do {
    stop?.throwIfAborted();
    const page = await client.call('auditLog', { limit: 500, ...(cursor != null && { cursor }) });
    checked += page.checked;
    differences.push(...page.differences);
    unchecked.push(...(page.unchecked ?? []));
    cursor = page.next;
  } while (cursor !== null);
  return { checked, differences, unchecked };
}
