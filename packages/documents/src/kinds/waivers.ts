/**
 * What a waiver in a policy says, checked where it is declared. The gate takes one that makes no sense for an error, which is
 * as safe and much later: at the first promotion, of somebody else. Stored policies aren't read by these rules again.
 */
import { isDigest } from '@headgate/domain';
import { UNDERSTATED, WAIVABLE_RULES, waiverEnd } from '@headgate/domain/gates/finding-waivers';
import { quoted } from '../refusal.ts';
import { didYouMean } from '../schema/nearest.ts';
import { MAX_PROBLEMS, type Path, type Problem } from '../schema/problems.ts';
import { type DocumentProblem, problemAt } from '../yaml/read-yaml.ts';
import type { AnyDocument } from './parse-documents.ts';

/** The problems of the waivers in declared policies, each with its file and line; at most 20. */
export function checkWaivers(documents: readonly AnyDocument[]): DocumentProblem[] {
  return documents
    .flatMap((document) => {
      const { content } = document;
      if (content.kind !== 'Policy') return [];
      const problems = gateWaiverProblems(content.spec.gates, ['spec', 'gates']);
      return problems.map((problem) => problemAt(document.placeOf(problem.path), problem));
    })
    .slice(0, MAX_PROBLEMS);
}

/** The problems of all waivers in a list of gates that stands at `path`. */
export function gateWaiverProblems(
  gates: readonly { readonly params: Readonly<Record<string, unknown>> }[],
  path: Path,
): Problem[] {
  return gates.flatMap(({ params }, i) => waiverProblems(params.waivers, [...path, i, 'params', 'waivers']));
}

/** The problems of a list of waivers that stands at `path`, whose form was checked before. */
export function waiverProblems(waivers: unknown, path: Path): Problem[] {
  if (!Array.isArray(waivers)) return [];
  return (waivers as readonly Readonly<Record<string, unknown>>[]).flatMap((waiver, i) =>
    FIELDS.flatMap(({ field, fits, expected, hint }) => {
      const given = waiver[field];
      if (typeof given !== 'string' || fits(given)) return [];
      return [{ path: [...path, i, field], expected, found: `${quoted(given)}${hint?.(given) ?? ''}` }];
    }),
  );
}

const FIELDS: readonly {
  readonly field: string;
  fits(given: string): boolean;
  readonly expected: string;
  hint?(given: string): string;
}[] = [
  {
    field: 'file',
    fits: isDigest,
    expected:
      'the digest of the migration’s file, or of older-code of the release, as the refusal names it: sha256: and 64 lower-case hexadecimal digits',
  },
  {
    field: 'rule',
    fits: (given) => WAIVABLE_RULES.includes(given),
    expected: `a rule of the analysis: one of ${WAIVABLE_RULES.join(', ')}`,
    hint: (given) =>
      given === UNDERSTATED
        ? ', which nothing waives: declare the migration as contract'
        : didYouMean(given, WAIVABLE_RULES),
  },
  { field: 'because', fits: (given) => given.trim() !== '', expected: 'why it is taken upon oneself, and by whom' },
  {
    field: 'until',
    fits: (given) => waiverEnd(given) !== undefined,
    expected: 'the waiver’s last day, like 2026-12-31, or a time in UTC, like 2026-12-31T18:00:00Z',
    hint: (given) => (/^\d{4}-\d{2}-\d{2}$/.test(given) ? ', which no calendar has' : ''),
  },
];
