/** From YAML files to documents that can be applied: read, linked with what was declared before, put as plain facts. */
import type { AppliedDocument, Result } from '@headgate/control';
import {
  type AnyContent,
  type AnyDocument,
  calendarSpec,
  checkLinks,
  checkWaivers,
  type DocumentProblem,
  environmentSpec,
  identityOf,
  MAX_PROBLEMS,
  notificationSpec,
  parseDocuments,
  policySpec,
} from '@headgate/documents';
import type { Refusal } from '@headgate/domain';

export interface ReadDocument extends AppliedDocument {
  readonly content: AnyContent;
}

export interface YamlFile {
  readonly name: string;
  readonly text: string;
}

/** Reads files and checks them as a whole, beside what is declared already; every problem names file and line. */
export function readAll(files: readonly YamlFile[], declared: readonly AnyContent[]): Result<readonly ReadDocument[]> {
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
  const wrong = [...checkWaivers(documents), ...checkLinks(documents, declared)].slice(0, MAX_PROBLEMS);
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

/** A tenant's name is unique within its cell only, so its stream carries the cell's. */
function applied(content: AnyContent): ReadDocument {
  const name = identityOf(content).slice(content.kind.length + 1);
  return { kind: content.kind, name, owner: content.metadata.owner, spec: specOf(content), content };
}

/** The plain facts that planner and gates take; kinds that only agents read keep their spec as declared. */
export function specOf(content: AnyContent): unknown {
  switch (content.kind) {
    case 'Environment':
      return withoutName(environmentSpec(content));
    case 'Policy':
      return withoutName(policySpec(content));
    case 'Calendar':
      return withoutName(calendarSpec(content));
    case 'Notification':
      return notificationSpec(content);
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
    unblock: `correct it there; \`headgate apply -f ${problem.file} --dry-run\` checks without applying`,
  };
}
