/** Reads the one document of a kind that a file of rules holds, and tells refusals by the line that they are about. */
import { readFile, stat } from 'node:fs/promises';
import { type AnyContent, type AnyDocument, parseDocuments } from '@headgate/documents';
import type { RuleRefusal } from '@headgate/domain/masking/rule';
import type { Refusal } from '@headgate/domain/model/refusal';

/** A document of rules, and where its parts stand. */
export interface ReadDocument<Content> {
  readonly content: Content;
  readonly digest: AnyDocument['digest'];
  /** A refusal as people read it, with the line that it is about. */
  tell(refusal: Refusal | RuleRefusal): string;
}

/** Throws an error that says what to do, when there is no such document in the file, or more than one. */
export async function readOneDocument<Kind extends AnyContent['kind']>(
  file: string,
  kind: Kind,
  mostBytes: number,
): Promise<ReadDocument<Extract<AnyContent, { readonly kind: Kind }>>> {
  const facts = await stat(file).catch(() => undefined);
  if (facts?.isFile() !== true) throw new Error(`there is no file ${file}`);
  if (facts.size > mostBytes) throw new Error(`${file} has ${facts.size} bytes, at most ${mostBytes} are read`);
  const parsed = parseDocuments(await readFile(file, 'utf8'), { file });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join('\n'));
  const found = parsed.documents.filter(({ content }) => content.kind === kind);
  const [document] = found;
  if (document === undefined || found.length > 1)
    throw new Error(`${file}: expected one document of kind ${kind}, found ${found.length}`);
  return {
    content: document.content as Extract<AnyContent, { readonly kind: Kind }>,
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
