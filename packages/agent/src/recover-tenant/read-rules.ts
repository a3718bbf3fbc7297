/** Reads whose the rows of a store are from a file. */
import { readFile, stat } from 'node:fs/promises';
import { type AnyDocument, parseDocuments, type TenantRowsContent } from '@headgate/documents';
import type { RuleRefusal } from '@headgate/domain/masking/rule';
import type { Refusal } from '@headgate/domain/model/refusal';

const MAX_BYTES = 4 * 1024 * 1024;

export interface ReadTenantRows {
  readonly content: TenantRowsContent;
  readonly digest: AnyDocument['digest'];
  /** A refusal as people read it, with the line that it is about. */
  tell(refusal: Refusal | RuleRefusal): string;
}

/** Throws an error that says what to do, when there are no rules in the file. */
export async function readTenantRows(file: string): Promise<ReadTenantRows> {
  const facts = await stat(file).catch(() => undefined);
  if (facts?.isFile() !== true) throw new Error(`there is no file ${file}`);
  if (facts.size > MAX_BYTES) throw new Error(`${file} has ${facts.size} bytes, at most ${MAX_BYTES} are read`);
  const parsed = parseDocuments(await readFile(file, 'utf8'), { file });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join('\n'));
  const found = parsed.documents.filter(({ content }) => content.kind === 'TenantRows');
  const [document] = found;
  if (document === undefined || found.length > 1)
    throw new Error(`${file}: expected one document of kind TenantRows, found ${found.length}`);
  return {
    content: document.content as TenantRowsContent,
    digest: document.digest,
    tell(refusal) {
      const { what, where, why, unblock } = refusal;
      let place = where;
      if ('rule' in refusal) {
        const { line, column } = document.placeOf(['spec', 'rules', refusal.rule, refusal.field]);
        place = `${file}:${line}:${column}`;
      }
      return `${place}: ${what} was refused: ${why}\n  to unblock: ${unblock}`;
    },
  };
}
