/** For tests only: a difference's file as somebody who makes it may write it, with digests that fit. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { differenceHead, openDifferenceFile, rowLine } from '@headgate/documents';
import type { RowDifference, TenantDifference } from '@headgate/domain';

/** What may be changed in place. */
export type Loose<T> = { -readonly [K in keyof T]: Loose<T[K]> };

export async function forge(
  path: string,
  change: (difference: Loose<TenantDifference>, rows: Loose<RowDifference>[]) => unknown,
): Promise<void> {
  const difference = structuredClone((await openDifferenceFile(path)).difference) as Loose<TenantDifference>;
  const [, ...lines] = (await readFile(path, 'utf8')).split('\n');
  const rows = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Loose<RowDifference>);
  change(difference, rows);
  const body = rows.map((row) => `${rowLine(row)}\n`).join('');
  const sha256 = createHash('sha256').update(body).digest('hex');
  const head = differenceHead({ ...difference, body: { sha256, bytes: Buffer.byteLength(body), lines: rows.length } });
  await writeFile(path, `${head.text}\n${body}`, { mode: 0o600 });
}
