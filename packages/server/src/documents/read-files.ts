/** From YAML files to documents that can be applied: read, linked with what was declared before, put as plain facts. */
import type { AppliedDocument, Deps, DocumentRecord, Result } from '@headgate/control';
import {
  type AnyContent,
  type AnyDocument,
  calendarSpec,
  checkLinks,
  type DocumentProblem,
  environmentSpec,
  identityOf,
  parseDocuments,
  policySpec,
  readDocument,
} from '@headgate/documents';
import type { Refusal } from '@headgate/domain';
import { allRows } from '../http/paging.ts';

/** Documents of one installation that references are checked against. */
const MOST_DOCUMENTS = 50_000;
const CACHED = 5_000;

export interface ReadDocument extends AppliedDocument {
  readonly content: AnyContent;
}

/** Contents by digest: immutable, so read once. */
const contents = new Map<string, AnyContent>();

/** Reads files and checks them as a whole, beside what is declared already; every problem names file and line. */
export async function readFiles(
  deps: Deps,
  files: readonly { readonly name: string; readonly text: string }[],
): Promise<Result<readonly ReadDocument[]>> {
  const documents: AnyDocument[] = [];
  const problems: DocumentProblem[] = [];
  for (const { name, text } of files) {
    const parsed = parseDocuments(text, { file: name });
    if (parsed.ok) documents.push(...parsed.documents);
    else problems.push(...parsed.problems);
  }
  if (problems.length > 0) return { ok: false, refusals: problems.map(refusalOf) };
  const twice = firstTwice(documents);
  if (twice !== undefined) return { ok: false, refusals: [twice] };
  const wrong = checkLinks(documents, await declaredBefore(deps));
  if (wrong.length > 0) return { ok: false, refusals: wrong.map(refusalOf) };
  return { ok: true, value: documents.map(({ content }) => applied(content)) };
}

function firstTwice(documents: readonly AnyDocument[]): Refusal | undefined {
  const seen = new Map<string, AnyDocument>();
  for (const document of documents) {
    const identity = identityOf(document.content);
    const before = seen.get(identity);
    if (before !== undefined)
      return {
        code: 'document-malformed',
        what: 'apply documents',
        where: `${document.place.file}:${document.place.line}`,
        why: `${identity} stands in ${before.place.file}:${before.place.line}, too`,
        unblock: 'declare each document once',
      };
    seen.set(identity, document);
  }
  return undefined;
}

async function declaredBefore(deps: Deps): Promise<readonly AnyContent[]> {
  const { rows } = await allRows<DocumentRecord>(deps.store, 'document', MOST_DOCUMENTS);
  const found: AnyContent[] = [];
  for (const { state } of rows) {
    let content = contents.get(state.digest);
    if (content === undefined) {
      const bytes = await deps.blobs.get(state.digest);
      if (bytes === undefined) throw new Error(`the content ${state.digest} of ${state.kind}/${state.name} is missing`);
      const read = readDocument(JSON.parse(Buffer.from(bytes).toString('utf8')));
      if (!read.ok) throw new Error(`the stored ${state.kind}/${state.name} can't be read: ${read.why}`);
      content = read.content as AnyContent;
      if (contents.size >= CACHED) contents.delete(contents.keys().next().value as string);
      contents.set(state.digest, content);
    }
    found.push(content);
  }
  return found;
}

/** A tenant's name is unique within its cell only, so its stream carries the cell's. */
function applied(content: AnyContent): ReadDocument {
  const name = identityOf(content).slice(content.kind.length + 1);
  return { kind: content.kind, name, owner: content.metadata.owner, spec: specOf(content), content };
}

/** The plain facts that planner and gates take; kinds that only agents read keep their spec as declared. */
function specOf(content: AnyContent): unknown {
  switch (content.kind) {
    case 'Environment':
      return withoutName(environmentSpec(content));
    case 'Policy':
      return withoutName(policySpec(content));
    case 'Calendar':
      return withoutName(calendarSpec(content));
    default:
      return content.spec;
  }
}

function withoutName<T extends { readonly name: string }>({ name: _, ...spec }: T): Omit<T, 'name'> {
  return spec;
}

function refusalOf(problem: DocumentProblem): Refusal {
  return {
    code: 'document-malformed',
    what: 'apply documents',
    where: `${problem.file}:${problem.line}:${problem.column}`,
    why: problem.message,
    unblock: 'correct it there; `headgate apply --dry-run` checks without applying',
  };
}
