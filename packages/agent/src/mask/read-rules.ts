/** Reads the rules of a masking from a file, and the key that they refer to. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LEAST_KEY, MaskKeys } from '@headgate/adapters/execution/masking/mask-keys';
import { type AnyDocument, type MaskingContent, parseDocuments } from '@headgate/documents';
import type { RuleRefusal } from '@headgate/domain/masking/rule';
import type { Refusal } from '@headgate/domain/model/refusal';

const MAX_BYTES = 1024 * 1024;

/** A `Masking` document and where its parts stand. */
export interface ReadRules {
  readonly content: MaskingContent;
  readonly digest: AnyDocument['digest'];
  /** A refusal as people read it, with the line that it is about. */
  tell(refusal: Refusal | RuleRefusal): string;
}

/** Throws an error that says what to do, when there are no rules in the file. */
export async function readRules(file: string): Promise<ReadRules> {
  const facts = await stat(file).catch(() => undefined);
  if (facts?.isFile() !== true) throw new Error(`there is no file ${file}`);
  if (facts.size > MAX_BYTES) throw new Error(`${file} has ${facts.size} bytes, at most ${MAX_BYTES} are read`);
  const parsed = parseDocuments(await readFile(file, 'utf8'), { file });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join('\n'));
  const maskings = parsed.documents.filter(({ content }) => content.kind === 'Masking');
  const [document] = maskings;
  if (document === undefined || maskings.length > 1)
    throw new Error(`${file}: expected one document of kind Masking, found ${maskings.length}`);
  return {
    content: document.content as MaskingContent,
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

/** The key by its reference: an environment variable, or a file beside the rules that its owner alone may read. */
export async function readKey(file: string, { spec }: MaskingContent): Promise<MaskKeys> {
  const { key } = spec;
  let text: string;
  let where: string;
  if ('env' in key) {
    where = `the environment variable ${key.env}`;
    text = process.env[key.env] ?? '';
  } else {
    where = join(dirname(file), key.file);
    const facts = await stat(where).catch(() => undefined);
    if (facts === undefined) throw new Error(`there is no file ${where}, where ${file} says that the key is`);
    if ((facts.mode & 0o077) !== 0)
      throw new Error(`${where} may be read by others than its owner: chmod 600 ${where}`);
    text = await readFile(where, 'utf8');
  }
  text = text.trim();
  if (text.length < LEAST_KEY)
    throw new Error(
      `${where} ${text === '' ? 'is empty' : `has ${text.length} characters`}: a key has at least ${LEAST_KEY}, as openssl rand -hex 32 makes them`,
    );
  return new MaskKeys(text);
}
