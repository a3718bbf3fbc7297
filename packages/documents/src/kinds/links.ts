/** What documents say of each other: every name must be declared somewhere, and the pieces must fit together. */
import { quoted } from '../refusal.ts';
import { didYouMean } from '../schema/nearest.ts';
import { MAX_PROBLEMS, type Path } from '../schema/problems.ts';
import { type DocumentProblem, problemAt } from '../yaml/read-yaml.ts';
import type { ApplicationContent } from './application.ts';
import type { AnyContent, KindName } from './catalog.ts';
import type { CellContent } from './cell.ts';
import type { AnyDocument } from './parse-documents.ts';
import type { TenantContent } from './tenant.ts';

/** So many tenants are named in a problem. */
const MOST_NAMED = 5;

type Report = (path: Path, expected: string, found: unknown, candidates?: readonly string[]) => void;

/**
 * The problems of references in `documents`, each with its file and line; `already` is what was declared before and
 * holds beside them (a document of the same kind and name in `documents` replaces it). At most 20 problems are told.
 */
export function checkLinks(documents: readonly AnyDocument[], already: readonly AnyContent[] = []): DocumentProblem[] {
  const declared = new Declared([...already, ...documents.map((document) => document.content)]);
  const problems: DocumentProblem[] = [];
  for (const document of documents) {
    checkDocument(document.content, declared, (path, expected, found, candidates = []) => {
      const hint = typeof found === 'string' ? didYouMean(found, candidates) : '';
      problems.push(problemAt(document.placeOf(path), { path, expected, found: quoted(found) + hint }));
    });
    if (problems.length >= MAX_PROBLEMS) break;
  }
  return problems.slice(0, MAX_PROBLEMS);
}

/** All that is declared, by kind and name; later ones replace earlier ones. */
class Declared {
  readonly #byKind = new Map<KindName, Map<string, AnyContent>>();
  readonly #tenants = new Map<string, TenantContent>();

  constructor(contents: readonly AnyContent[]) {
    for (const content of contents) {
      const { name } = content.metadata;
      if (content.kind === 'Tenant') this.#tenants.set(`${content.spec.cell}/${name}`, content);
      else this.#byKind.set(content.kind, (this.#byKind.get(content.kind) ?? new Map()).set(name, content));
    }
  }

  get<K extends KindName>(kind: K, name: string): Extract<AnyContent, { kind: K }> | undefined {
    return this.#byKind.get(kind)?.get(name) as Extract<AnyContent, { kind: K }> | undefined;
  }

  names(kind: KindName): string[] {
    return [...(this.#byKind.get(kind)?.keys() ?? [])];
  }

  tenants(): Iterable<TenantContent> {
    return this.#tenants.values();
  }

  applicationOf(cell: CellContent): ApplicationContent | undefined {
    const environment = this.get('Environment', cell.spec.environment);
    return environment && this.get('Application', environment.spec.application);
  }
}

function checkDocument(content: AnyContent, declared: Declared, report: Report): void {
  const reference = (kind: KindName, name: string | undefined, path: Path) => {
    if (name === undefined || declared.get(kind, name) !== undefined) return;
    const names = declared.names(kind);
    report(path, `a declared ${kind} (${names.slice(0, 10).join(', ') || 'there is none'})`, name, names);
  };
  switch (content.kind) {
    case 'Application': {
      reference('Verification', content.spec.verification, ['spec', 'verification']);
      reference('Reconciliation', content.spec.reconciliation, ['spec', 'reconciliation']);
      content.spec.pipeline.forEach((name, i) => {
        const path = ['spec', 'pipeline', i];
        reference('Environment', name, path);
        const owner = declared.get('Environment', name)?.spec.application;
        if (owner !== undefined && owner !== content.metadata.name)
          report(path, `an Environment of this application`, `${name}, which is of ${owner}`);
      });
      checkRingsInUse(content, declared, report);
      break;
    }
    case 'Environment': {
      reference('Application', content.spec.application, ['spec', 'application']);
      reference('Policy', content.spec.policy, ['spec', 'policy']);
      content.spec.calendars.forEach((name, i) => void reference('Calendar', name, ['spec', 'calendars', i]));
      const pipeline = declared.get('Application', content.spec.application)?.spec.pipeline;
      if (pipeline !== undefined && !pipeline.includes(content.metadata.name)) {
        report(
          ['metadata', 'name'],
          `an environment of the application's pipeline (${pipeline.join(', ')})`,
          content.metadata.name,
          pipeline,
        );
      }
      break;
    }
    case 'Cell':
      reference('Environment', content.spec.environment, ['spec', 'environment']);
      break;
    case 'Tenant':
      checkTenant(content, declared, report, reference);
      break;
    case 'Policy':
      content.spec.gates.forEach((gate, i) => {
        const { environment } = gate.params;
        if (typeof environment === 'string')
          reference('Environment', environment, ['spec', 'gates', i, 'params', 'environment']);
      });
      break;
    case 'Notification':
      content.spec.environments.forEach((name, i) => void reference('Environment', name, ['spec', 'environments', i]));
      break;
    case 'Calendar':
    case 'Verification':
    case 'Reconciliation':
    case 'Masking':
    case 'TenantRows':
      break;
    default:
      content satisfies never;
  }
}

/** A ring that tenants are in can't be left out: whoever is in none would move at a time that nobody chose. */
function checkRingsInUse({ metadata, spec }: ApplicationContent, declared: Declared, report: Report): void {
  const rings = spec.rings.map(({ name }) => name);
  const without = new Map<string, string[]>();
  for (const tenant of declared.tenants()) {
    const { ring, cell } = tenant.spec;
    const home = declared.get('Cell', cell);
    if (rings.includes(ring) || home === undefined) continue;
    if (declared.applicationOf(home)?.metadata.name !== metadata.name) continue;
    without.set(ring, [...(without.get(ring) ?? []), `${cell}/${tenant.metadata.name}`]);
  }
  for (const [ring, tenants] of [...without].slice(0, MAX_PROBLEMS)) {
    const more = tenants.length > MOST_NAMED ? ` and ${tenants.length - MOST_NAMED} more` : '';
    report(
      ['spec', 'rings'],
      `ring ${ring} among them, which tenants are in: ${tenants.slice(0, MOST_NAMED).join(', ')}${more} (or their Tenant documents, with another ring, in the same call)`,
      rings.join(', '),
    );
  }
}

function checkTenant(
  content: TenantContent,
  declared: Declared,
  report: Report,
  reference: (kind: KindName, name: string | undefined, path: Path) => void,
): void {
  const { spec, metadata } = content;
  reference('Cell', spec.cell, ['spec', 'cell']);
  reference('Calendar', spec.calendar, ['spec', 'calendar']);
  const cell = declared.get('Cell', spec.cell);
  if (cell === undefined) return;
  const stores = cell.spec.stores.map((store) => store.name);
  const store = cell.spec.stores.find((each) => each.name === spec.store);
  if (store === undefined)
    report(['spec', 'store'], `a store of cell ${spec.cell} (${stores.join(', ')})`, spec.store, stores);
  const application = declared.applicationOf(cell);
  if (application === undefined) return;
  const rings = application.spec.rings.map((ring) => ring.name);
  if (!rings.includes(spec.ring))
    report(
      ['spec', 'ring'],
      `a ring of application ${application.metadata.name} (${rings.join(', ')})`,
      spec.ring,
      rings,
    );
  if (store === undefined || (store.tenancy ?? application.spec.tenancy) !== 'store-per-tenant') return;
  for (const other of declared.tenants()) {
    if (other.spec.cell === spec.cell && other.spec.store === spec.store && other.metadata.name !== metadata.name) {
      report(
        ['spec', 'store'],
        'a store of its own, since the tenancy is store-per-tenant',
        `${spec.store}, where ${other.metadata.name} lives`,
      );
      return;
    }
  }
}
