/**
 * Our statement of an analysis of migrations: which bytes were read, with which catalogue, and the findings as SARIF, those
 * of a second tool beside them. What follows is concluded by whoever reads it, from our own run alone.
 */
import type { Digest } from '@headgate/domain';
import { type AnalysedCatalogue, type AnalysedFinding, analysisEvidence } from '@headgate/domain/analysis/analysis';
import { z } from 'zod';
import { type Refused, refuse } from '../refusal.ts';
import { digest, expects, list, milliseconds, oneOf, text, whole } from '../schema/fields.ts';
import { misfitOf } from '../schema/problems.ts';
import { ANALYSIS_PREDICATE } from '../trust/predicates.ts';
import { type Statement, statementAbout } from '../trust/statement.ts';
import { kept } from '../words/unkept.ts';
import { boundedLog, MOST_LEFT_OUT, OUR_TOOL, type SarifLike } from './bounded-sarif.ts';
import type { EvidenceFormat } from './evidence.ts';

const MAX_MIGRATIONS = 1_000;
const words = z.string(expects('a text')).max(2_000, expects('at most 2000 characters'));
const removed = text(300);

const result = z.object({
  ruleId: text(100),
  level: z.enum(['none', 'note', 'warning', 'error'], expects('a level of SARIF')),
  message: z.object({ text: words }),
  locations: z
    .array(
      z.object({
        physicalLocation: z.object({
          artifactLocation: z.object({ uri: text(1_000) }),
          region: z.object({ startLine: whole(1), snippet: z.object({ text: words }).optional() }),
        }),
      }),
    )
    .min(1)
    .max(10),
  properties: z
    .object({
      safeWays: z
        .array(z.object({ words, sql: z.array(words).max(20) }))
        .max(20)
        .optional(),
    })
    .optional(),
});

/** SARIF's own parts are read as far as they are asked for; what others add to them is theirs. */
const sarif = z.object({
  version: z.literal('2.1.0', expects('SARIF 2.1.0')),
  runs: z
    .array(z.object({ tool: z.object({ driver: z.object({ name: text(100) }) }), results: list(result, 0, 5_000) }))
    .min(1)
    .max(8),
});

const predicate = z.strictObject({
  at: whole(0),
  /** From what stall on a statement counts as dangerous. */
  stallMs: milliseconds(1),
  schema: z.strictObject({ from: whole(0), to: whole(0) }),
  catalogue: z
    .strictObject({ of: text(200), digest, server: whole(1, 999), tables: whole(0), readAt: whole(0).optional() })
    .optional(),
  migrations: list(
    z.strictObject({
      id: text(100),
      from: whole(0),
      to: whole(0),
      /** As the SARIF names it: a relative reference. */
      uri: text(1_000),
      digest,
      phase: oneOf('expand', 'data', 'contract'),
      undo: oneOf('yes', 'until-written', 'never'),
      removes: list(removed, 0, 200),
    }),
    1,
    MAX_MIGRATIONS,
  ),
  omitted: whole(0),
  /** What had no room, counted; absent where nothing was left out, and in statements of before. */
  left: list(
    z.strictObject({ uri: text(1_000), rule: text(100), level: oneOf('error', 'warning'), count: whole(1) }),
    0,
    MOST_LEFT_OUT,
  ).optional(),
  sarif,
});

/** What was found, as whoever analysed it has it. */
export interface AnalysisContent {
  readonly at: number;
  readonly stallMs: number;
  readonly schema: { readonly from: number; readonly to: number };
  readonly catalogue?: AnalysedCatalogue;
  readonly migrations: readonly {
    readonly id: string;
    readonly from: number;
    readonly to: number;
    readonly uri: string;
    readonly digest: Digest;
    readonly phase: 'expand' | 'data' | 'contract';
    readonly undo: 'yes' | 'until-written' | 'never';
    readonly removes: readonly string[];
  }[];
  readonly sarif: SarifLike;
}

/** "The migrations of this release were analysed, and that is what was found." To be signed. */
export function analysisStatement(release: string, subject: Digest, content: AnalysisContent): Statement {
  const { log, omitted, left } = boundedLog(content.sarif);
  const migrations = content.migrations.map((each) => ({
    ...each,
    removes: each.removes.slice(0, 200).map((name) => kept(name.slice(0, 300))),
  }));
  return statementAbout(release, subject, ANALYSIS_PREDICATE, {
    ...content,
    migrations,
    omitted,
    ...(left.length === 0 ? {} : { left }),
    sarif: log,
  });
}

export const analysis: EvidenceFormat = {
  predicateType: ANALYSIS_PREDICATE,
  duty: 'evidence',
  read(given) {
    const parsed = predicate.safeParse(given);
    if (!parsed.success) {
      const { where, why } = misfitOf(parsed.error, given, predicate);
      return wrong(why, where);
    }
    const { at, stallMs, schema, catalogue, migrations, omitted, left = [] } = parsed.data;
    const gap = migrations.findIndex(({ from }, i) => from !== (migrations[i - 1]?.to ?? schema.from));
    if (gap >= 0 || migrations.at(-1)?.to !== schema.to)
      return wrong('its migrations don’t lead from its first version to its last', 'predicate.migrations');
    const ours = parsed.data.sarif.runs.filter(({ tool }) => tool.driver.name === OUR_TOOL);
    if (ours.length !== 1)
      return wrong(`expected one run of ${OUR_TOOL}, found ${ours.length}`, 'predicate.sarif.runs');
    const byUri = new Map(migrations.map((each) => [each.uri, each.to]));
    if (byUri.size !== migrations.length) return wrong('two migrations have one name', 'predicate.migrations');
    const findings: AnalysedFinding[] = [];
    for (const each of ours[0]?.results ?? []) {
      const { artifactLocation, region } = each.locations[0]?.physicalLocation ?? {};
      const to = byUri.get(artifactLocation?.uri ?? '');
      if (to === undefined)
        return wrong(`a finding is in ${artifactLocation?.uri}, which is none of its migrations`, 'predicate.sarif');
      const [way] = each.properties?.safeWays ?? [];
      findings.push({
        to,
        rule: each.ruleId,
        level: each.level === 'none' ? 'note' : each.level,
        file: decoded(artifactLocation?.uri ?? ''),
        line: region?.startLine ?? 1,
        statement: region?.snippet?.text ?? '',
        why: each.message.text,
        safeWay: way === undefined ? '' : [way.words, ...way.sql].join('\n'),
      });
    }
    const counted = left.reduce((sum, { count }) => sum + count, 0);
    const strange = left.findIndex(({ uri }) => !byUri.has(uri));
    if (strange >= 0)
      return wrong(`it counts findings in ${left[strange]?.uri}, which is none of its migrations`, 'predicate.left');
    if (counted > omitted)
      return wrong(`it left out ${omitted} findings and counts ${counted} of them`, 'predicate.left');
    return {
      ok: true,
      analysis: analysisEvidence({
        ...{ at, stallMs, findings, omitted: omitted - counted },
        left: left.map(({ uri, ...each }) => ({ ...each, to: byUri.get(uri) as number })),
        ...(catalogue === undefined ? {} : { catalogue: catalogue as AnalysedCatalogue }),
        migrations: migrations.map(({ id, to, digest: file, removes }) => ({
          ...{ id, to, digest: file },
          ...(removes.length > 0 ? { removes } : {}),
        })),
      }),
    };
  },
};

/** What isn't encoded rightly is told as it stands: it comes from outside. */
function decoded(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}

function wrong(why: string, where: string): Refused<'evidence-malformed'> {
  return refuse('evidence-malformed', 'statement of an analysis', why, {
    where,
    unblock: 'analyse the release again with headgate analyse --attach',
  });
}
