import { type Client, type DocumentWithContent, MAX_BLOB_BYTES, ProblemError } from '@headgate/contract';
import { digestOf, KIND_NAMES, type KindName } from '@headgate/documents';
import { didYouMean } from '@headgate/documents/schema/nearest';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';
import { everything } from '../paging.ts';

/** How a document is named on a command line. */
export const REFERENCE = 'KIND/NAME as `headgate document list` has them, or a digest';

/** A document that is declared, or that was. */
export type FoundDocument = Pick<DocumentWithContent, 'kind' | 'name' | 'owner' | 'digest' | 'content' | 'history'>;

type Digest = `sha256:${string}`;

/** The kind that somebody means, however it is capitalised. Throws a {@link Failure}. */
export function kindOf(text: string): KindName {
  const known = KIND_NAMES.find((kind) => kind.toLowerCase() === text.toLowerCase());
  if (known !== undefined) return known;
  const hint = didYouMean(text, KIND_NAMES);
  throw new Failure(
    EXIT.usage,
    'usage',
    `no kind of documents is called ${text}${hint}`,
    `one of ${KIND_NAMES.join(', ')}`,
  );
}

/**
 * Finds a document by `KIND/NAME` (of a tenant `Tenant/CELL/NAME`), as it is declared now, or by its digest, as it was; the first
 * digits of one will do for what is declared now.
 */
export async function findDocument(client: Client, text: string): Promise<FoundDocument> {
  if (/^sha256:[0-9a-f]{64}$/.test(text)) return documentOfDigest(client, text as Digest);
  const short = /^(?:sha256:)?([0-9a-f]{8,63})$/.exec(text)?.[1];
  if (short !== undefined) return ofShortDigest(client, text, short);
  const [first = '', ...rest] = text.split('/');
  if (rest.length === 0)
    throw new Failure(
      EXIT.usage,
      'usage',
      `${text} is neither KIND/NAME nor a whole digest`,
      'see: headgate document list',
    );
  const kind = kindOf(first);
  const name = rest.join('/');
  return client.call('showDocument', { kind, name }).catch(async (error: Error) => {
    if (!(error instanceof ProblemError) || error.status !== 404) throw error;
    throw await noneAs(client, kind, name);
  });
}

/**
 * That what a list was narrowed to is declared at all: a list that is empty, because nothing of that name is, would be taken for
 * an answer. Without a name nothing is asked. Throws a {@link Failure}.
 */
export async function declaredOrNot(client: Client, kind: KindName, name: string | undefined): Promise<void> {
  if (name !== undefined) await findDocument(client, `${kind}/${name}`);
}

/** With the nearest one that is, and how all of them are listed. */
async function noneAs(client: Client, kind: KindName, name: string): Promise<Failure> {
  const all = await everything((page) => client.call('listDocuments', { limit: 200, kind, ...page }));
  const names = all.map((each) => each.name);
  // Of a tenant the cell stands before it, which most leave out.
  const within = names.filter((each) => each.endsWith(`/${name}`));
  const near =
    within.length > 0 ? `, did you mean ${within.slice(0, 3).map(quote).join(' or ')}?` : didYouMean(name, names);
  return notThere(`no ${kind} is declared as ${name}${near}`, `see: headgate document list --kind ${kind}`);
}

function quote(name: string): string {
  return `"${name}"`;
}

/** What is declared now, by the digits that lists show; of what was declared before only whole digests are known. */
async function ofShortDigest(client: Client, text: string, short: string): Promise<FoundDocument> {
  const all = await everything((page) => client.call('listDocuments', { limit: 200, ...page }));
  const found = all.filter(({ digest }) => digest.startsWith(`sha256:${short}`));
  const digests = new Set(found.map(({ digest }) => digest));
  const [one] = digests;
  if (one !== undefined && digests.size === 1) return documentOfDigest(client, one as Digest);
  throw new Failure(
    one === undefined ? EXIT.notFound : EXIT.usage,
    one === undefined ? 'not-found' : 'usage',
    one === undefined
      ? `no declared document's digest begins with ${text}`
      : `${digests.size} declared documents' digests begin with ${text}`,
    'name it KIND/NAME, or by its whole digest: headgate document list --json; earlier ones: headgate document show KIND/NAME --json',
  );
}

/** A document's content by its digest, which is compared here: nobody has to be believed about what it was. */
async function documentOfDigest(client: Client, digest: Digest): Promise<FoundDocument> {
  const bytes = await client.call('getBlob', { digest }).catch((error: Error) => {
    if (!(error instanceof ProblemError) || error.status !== 404) throw error;
    throw new Failure(
      EXIT.notFound,
      'not-found',
      `nothing with the digest ${digest} was ever declared at this server`,
      'see: headgate document list',
    );
  });
  if (digestOf(bytes) !== digest)
    throw new Failure(EXIT.unverified, 'digest-differs', `what the server has for ${digest} is something else`);
  const content = contentIn(bytes);
  const { kind, metadata } = content ?? {};
  const { name, owner } = (metadata ?? {}) as { readonly name?: unknown; readonly owner?: unknown };
  if (content === undefined || typeof kind !== 'string' || typeof name !== 'string' || typeof owner !== 'string')
    throw new Failure(EXIT.notFound, 'not-found', `${digest} is no document`, 'see: headgate document list');
  return { kind, name: kind === 'Tenant' ? `${cellIn(content)}/${name}` : name, owner, digest, content };
}

function contentIn(bytes: Uint8Array): Record<string, unknown> | undefined {
  if (bytes.length > MAX_BLOB_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function cellIn({ spec }: Readonly<Record<string, unknown>>): string {
  return String((spec as { readonly cell?: unknown } | undefined)?.cell);
}
