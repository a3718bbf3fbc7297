import { waiversBlock } from '@headgate/domain/gates/finding-waivers';
import { describe, expect, test } from 'vitest';
import { parseDocuments } from '../kinds/parse-documents.ts';
import { readService } from './index.ts';

const FILE = `sha256:${'a'.repeat(64)}`;
const ANALYSED = '{gate: migrations-analysed, params: {maxAgeMs: 1000, longestStallMs: 500}}';

/** A service with two environments: what stands in its spec besides, below staging and below production. */
function service({ spec = '', staging = '', production = '' }): string {
  const below = (text: string): string => (text === '' ? '' : `      ${text}\n`);
  return `apiVersion: headgate/v1
kind: Service
metadata: {name: shop, owner: team-shop}
spec:
  run: ["\${node}", "\${dir}/server.mjs"]
  files: [server.mjs]
  health: /healthz
${spec === '' ? '' : `  ${spec}\n`}  environments:
    - name: staging
${below(staging)}    - name: production
${below(production)}`;
}

interface PolicyGate {
  readonly gate: string;
  readonly at: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** The gates of both policies, as they would be declared. */
function gates(parts: Parameters<typeof service>[0]): readonly (readonly PolicyGate[])[] {
  const read = readService(service(parts), 'headgate.yaml');
  if (!read.ok) throw new Error(read.problems.map((p) => p.message).join('\n'));
  const parsed = parseDocuments(read.documents, { file: 'headgate.yaml' });
  if (!parsed.ok) throw new Error(parsed.problems.map((p) => p.message).join('\n'));
  return parsed.documents.flatMap(({ content }) =>
    content.kind === 'Policy' ? [content.spec.gates as readonly PolicyGate[]] : [],
  );
}

const names = (parts: Parameters<typeof service>[0]) => gates(parts).map((each) => each.map(({ gate }) => gate));

describe('gates that a service lists', () => {
  test('stand in the policies of all environments, or of one, in the order in which people read gates', () => {
    expect(names({ spec: `gates: [${ANALYSED}]` })).toEqual([
      ['signature', 'migrations-analysed', 'window', 'restore-point'],
      ['signature', 'migrations-analysed', 'soaked', 'window', 'approval', 'restore-point'],
    ]);
    expect(names({ production: `gates: [${ANALYSED}]` })).toEqual([
      ['signature', 'window', 'restore-point'],
      ['signature', 'migrations-analysed', 'soaked', 'window', 'approval', 'restore-point'],
    ]);
  });

  test('of a contract somebody says that nothing uses what it takes away, unless ranges are said to answer for it', () => {
    const contracts = (params: string) =>
      gates({
        spec: `gates: [{gate: migrations-analysed, params: {maxAgeMs: 1, longestStallMs: 1${params}}}]`,
      })[0]?.find(({ gate }) => gate === 'migrations-analysed')?.params.contracts;
    expect(contracts('')).toBe('waivers');
    expect(contracts(', contracts: ranges')).toBe('ranges');
  });

  test('stand in the place of those that the service would have by itself, and an environment’s in the place of all’s', () => {
    const point = (ms: number) => `gates: [{gate: restore-point, params: {maxAgeMs: ${ms}}}]`;
    const ages = (parts: Parameters<typeof service>[0]) =>
      gates(parts).map((each) =>
        each.filter(({ gate }) => gate === 'restore-point').map(({ params }) => params.maxAgeMs),
      );
    expect(ages({})).toEqual([[3_600_000], [3_600_000]]);
    expect(ages({ spec: point(7) })).toEqual([[7], [7]]);
    expect(ages({ spec: point(7), production: point(9) })).toEqual([[7], [9]]);
  });

  test('change nothing of a service that lists none: its policies keep their digests', () => {
    const digests = (parts: Parameters<typeof service>[0]) => {
      const read = readService(service(parts), 'headgate.yaml');
      const parsed = parseDocuments(read.ok ? read.documents : '', { file: 'headgate.yaml' });
      return parsed.ok ? parsed.documents.map(({ digest }) => digest) : [];
    };
    expect(digests({ spec: 'gates: []', staging: 'gates: []' })).toEqual(digests({}));
    expect(names({})).toEqual([
      ['signature', 'window', 'restore-point'],
      ['signature', 'soaked', 'window', 'approval', 'restore-point'],
    ]);
  });

  test('take the waivers of the service wherever migrations are analysed, after their own', () => {
    const waiver = (rule: string) => `{file: '${FILE}', rule: ${rule}, because: archived, until: 2027-01-31}`;
    const own = ANALYSED.replace('500}', `500, waivers: [${waiver('destroys-data')}]}`);
    const waived = gates({
      spec: `waivers: [${waiver('explicit-lock')}]`,
      staging: `gates: [${ANALYSED}]`,
      production: `gates: [${own}]`,
    });
    expect(
      waived.map((each) =>
        each.flatMap(({ params }) => ((params.waivers ?? []) as { rule: string }[]).map(({ rule }) => rule)),
      ),
    ).toEqual([['explicit-lock'], ['destroys-data', 'explicit-lock']]);
  });

  test('take a waiver as a refusal proposes it, once its reason is written', () => {
    const asked = [{ file: FILE as never, rule: 'breaks-running-code', name: '5.sql' }];
    const block = waiversBlock(asked, Date.UTC(2026, 11, 31), 'staging').replace('because: ""', 'because: ada looked');
    const [staging, production] = gates({ spec: `gates: [${ANALYSED}]\n${block.replace(/^/gm, '  ')}` });
    const waived = (each: typeof staging) => each?.find(({ gate }) => gate === 'migrations-analysed')?.params.waivers;
    expect([waived(staging), waived(production)]).toEqual([[expect.objectContaining({ file: FILE })], undefined]);
  });

  test('take a waiver that names an environment there alone, in a policy that says no more of it', () => {
    const waiver = (environment: string) =>
      `{file: '${FILE}', rule: breaks-running-code, because: ada looked, until: 2027-01-31, environment: ${environment}}`;
    const waived = gates({ spec: `gates: [${ANALYSED}]\n  waivers: [${waiver('staging')}]` });
    const of = waived.map((each) => each.find(({ gate }) => gate === 'migrations-analysed')?.params.waivers);
    expect(of).toEqual([
      [{ file: FILE, rule: 'breaks-running-code', because: 'ada looked', until: '2027-01-31' }],
      undefined,
    ]);
  });
});

describe('a service is refused, with line and column,', () => {
  const APPROVAL = 'gates: [{gate: approval, params: {count: 2}}]';
  const waiver = (more: object) => {
    const whole = { file: FILE, rule: 'destroys-data', because: 'archived', until: '2027-01-31', ...more };
    return { spec: `waivers: [${JSON.stringify(whole)}]`, staging: `gates: [${ANALYSED}]` };
  };
  test.each<[string, Parameters<typeof service>[0], string]>([
    [
      'for a gate that there isn’t',
      { spec: 'gates: [{gate: migration-analysed}]' },
      'headgate.yaml:8:18 spec.gates[0].gate: expected a gate: one of signature, ',
    ],
    [
      'for a parameter that a gate doesn’t have',
      { production: 'gates: [{gate: approval, params: {cuont: 2}}]' },
      'headgate.yaml:11:41 spec.environments[1].gates[0].params.cuont: expected one of the fields count, found the unknown field "cuont", did you mean "count"?',
    ],
    [
      'for approvals said twice',
      { production: `approvals: 1\n      ${APPROVAL}` },
      'headgate.yaml:11:18 spec.environments[1].approvals: expected either this or the gate approval in gates, not both, found 1',
    ],
    [
      'for approvals said twice, once for all',
      { spec: APPROVAL, staging: 'approvals: 0' },
      'headgate.yaml:11:18 spec.environments[0].approvals: expected either this',
    ],
    [
      'for tests said twice',
      { spec: 'tests: 1', production: 'gates: [{gate: tests-passed, params: {minimum: 2}}]' },
      'headgate.yaml:8:10 spec.tests: expected either this or the gate tests-passed in gates, not both, found 1',
    ],
    [
      'for a soak in what comes later',
      { staging: 'gates: [{gate: soaked, params: {environment: production, durationMs: 1}}]' },
      'spec.environments[0].gates[0].params.environment: expected an environment that releases pass before; name it',
    ],
    [
      'for a soak that would hold for all',
      { spec: 'gates: [{gate: soaked, params: {environment: staging, durationMs: 1}}]' },
      'spec.gates[0].params.environment: expected an environment that releases pass before; name it',
    ],
    [
      'for a soak nowhere',
      { production: 'gates: [{gate: soaked, params: {environment: stagin, durationMs: 1}}]' },
      'headgate.yaml:11:52 spec.environments[1].gates[0].params.environment: expected an environment that releases pass before this one: staging, found "stagin"',
    ],
    [
      'for a rollback that would have to be rehearsed where it is asked for',
      {
        spec: 'gates: [{gate: rollback-rehearsed, params: {environment: staging, maxAgeMs: 1, longestOutageMs: 1}}]',
      },
      'spec.gates[0].params.environment: expected an environment that releases pass before; name it',
    ],
    [
      'for waivers of nothing',
      { ...waiver({}), staging: '' },
      'headgate.yaml:8:12 spec.waivers: expected the gate migrations-analysed in gates, whose findings they waive, found it in no environment',
    ],
    [
      'for a waiver of a rule that there isn’t',
      waiver({ rule: 'destroy-data' }),
      'spec.waivers[0].rule: expected a rule of the analysis: one of syntax-error, ',
    ],
    ['for a waiver that ends on no day', waiver({ until: '2027-02-31' }), 'found "2027-02-31", which no calendar has'],
    [
      'for a waiver of what running code loses that says of no environment whose',
      waiver({ rule: 'breaks-running-code' }),
      'spec.waivers[0].environment: expected the environment whose running code does without it: one of staging, production, found none',
    ],
    [
      'for a waiver in an environment that there isn’t',
      waiver({ environment: 'live' }),
      'spec.waivers[0].environment: expected one of staging, production, found "live"',
    ],
    ['for a waiver that names a gate', waiver({ gate: 'rehearsed' }), 'found the unknown field "gate"'],
  ])('%s', (_what, parts, expected) => {
    const read = readService(service(parts), 'headgate.yaml');
    expect(read.ok ? [] : read.problems.map((p) => p.message).join('\n')).toContain(expected);
  });
});
