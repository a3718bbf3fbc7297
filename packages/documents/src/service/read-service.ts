/**
 * A file that holds a `Service` and, beside it, whatever documents somebody wants to say themselves: its calendar, its
 * verification, more tenants. The service is expanded here, before anything is sent: the control plane knows documents alone.
 */
import { MAX_PROBLEMS, type Problem, problemsOf } from '../schema/problems.ts';
import { toCurrent } from '../versions/conversions.ts';
import { type DocumentProblem, placeOfProblem, problemAt, readYaml, type YamlDocument } from '../yaml/read-yaml.ts';
import { expandService } from './expand.ts';
import { serviceGateProblems } from './gates.ts';
import { type ServiceContent, service } from './service.ts';

/** Who carries out steps where a service's file names nobody. */
export const SERVICE_AGENT = 'local-agent';

export type ReadService =
  | {
      readonly ok: true;
      readonly service: ServiceContent;
      /** All documents that the file stands for, as YAML. */
      readonly documents: string;
    }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] };

/** Whether a file's text has a Service in it: files without one are applied as they are. */
export function holdsService(text: string, file: string): boolean {
  const read = readYaml(text, file);
  return read.ok && read.documents.some(({ value }) => kindOf(value) === 'Service');
}

/** Reads such a file. Never throws on what comes from outside. */
export function readService(text: string, file: string, agent = SERVICE_AGENT): ReadService {
  const read = readYaml(text, file);
  if (!read.ok) return read;
  const found = read.documents.filter(({ value }) => kindOf(value) === 'Service');
  const [only, second] = found;
  if (only === undefined || second !== undefined) {
    const place = second?.placeOf([]) ?? { file, line: 1, column: 1 };
    const problem = { path: [], expected: 'one document of kind Service', found: String(found.length) };
    return { ok: false, problems: [problemAt(place, problem)] };
  }
  const current = toCurrent(only.value);
  if (!current.ok) return { ok: false, problems: [problemAt(only.placeOf(current.problem.path), current.problem)] };
  const parsed = service.document.safeParse(current.value);
  if (!parsed.success) {
    const problems = problemsOf(parsed.error, current.value, service.document);
    return { ok: false, problems: placed(only, problems.map(withoutSecret)) };
  }
  const content = parsed.data as ServiceContent;
  const wrong = serviceGateProblems(content);
  if (wrong.length > 0) return { ok: false, problems: placed(only, wrong) };
  const others = read.documents.filter((each) => each !== only).map(({ value }) => value);
  const documents = [...expandService(content, agent), ...others].map((each) => JSON.stringify(each, null, 1));
  return { ok: true, service: content, documents: `${documents.join('\n---\n')}\n` };
}

function placed(yaml: YamlDocument, problems: readonly Problem[]): readonly DocumentProblem[] {
  const told = problems.map((each) => problemAt(placeOfProblem(yaml, each), each));
  return told.sort((a, b) => a.line - b.line || a.column - b.column).slice(0, MAX_PROBLEMS);
}

/** Who writes a connection URL where its place belongs doesn't want to see it in a log as well. */
function withoutSecret(problem: Problem): Problem {
  return problem.found?.includes('://') ? { ...problem, found: 'a URL' } : problem;
}

function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (value as { kind?: unknown }).kind : undefined;
}
