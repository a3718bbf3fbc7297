/** The files that a person names to `headgate-agent reconcile`: bounded, and with an error that names the file. */
import { readFile, stat } from 'node:fs/promises';
import { MAX_BUNDLE_BYTES, MAX_PLAN_BYTES, parseDocuments } from '@headgate/documents';
import type { ReconciliationContent } from '@headgate/documents/kinds/reconciliation';
import type { Digest } from '@headgate/domain';

const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** Something about the files or the configuration isn't right. */
export class WrongFile extends Error {}

export interface ReadDocument {
  readonly content: ReconciliationContent;
  readonly digest: Digest;
}

export async function readDocument(file: string): Promise<ReadDocument> {
  const parsed = parseDocuments(await textOf(file, MAX_DOCUMENT_BYTES), { file });
  if (!parsed.ok) throw new WrongFile(parsed.problems.map(({ message }) => message).join('\n'));
  const found = parsed.documents.flatMap(({ content, digest }) =>
    content.kind === 'Reconciliation' ? [{ content, digest }] : [],
  );
  const [document] = found;
  if (document === undefined || found.length > 1)
    throw new WrongFile(`${file}: expected one document of kind Reconciliation, found ${found.length}`);
  return document;
}

export function readPlan(file: string): Promise<string> {
  return textOf(file, MAX_PLAN_BYTES);
}

/** A signed statement. `how`: the command that writes one. */
export async function readBundle(
  file: string,
  how = '`headgate reconcile approve PLAN --key KEY --approver ID --out FILE`',
): Promise<Record<string, unknown>> {
  const text = await textOf(file, MAX_BUNDLE_BYTES);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below, in words of ours: a parser's quote the file.
  }
  throw new WrongFile(`${file} is no signed statement: expected JSON, as ${how} writes it`);
}

async function textOf(file: string, most: number): Promise<string> {
  const facts = await stat(file).catch(() => undefined);
  if (facts?.isFile() !== true) throw new WrongFile(`there is no file ${file}`);
  if (facts.size > most) throw new WrongFile(`${file} has ${facts.size} bytes, at most ${most} are read`);
  return readFile(file, 'utf8');
}
