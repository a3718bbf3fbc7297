/**
 * The gates of a service's environments: some that every service has, short forms for the common ones, and whatever else
 * is listed, in the words of a Policy.
 */
import type { ReleaseManifest } from '@headgate/domain';
import { GATES } from '@headgate/domain/gates/catalog';
import { OLDER_CODE } from '@headgate/domain/gates/finding-waivers';
import { MIGRATIONS_ANALYSED } from '@headgate/domain/gates/migrations-analysed';
import { gateWaiverProblems, waiverProblems } from '../kinds/waivers.ts';
import { quoted } from '../refusal.ts';
import type { Path, Problem } from '../schema/problems.ts';
import type { ServiceContent, ServiceEnvironment } from './service.ts';

type Spec = ServiceContent['spec'];

interface PlainGate {
  readonly gate: string;
  readonly at?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

const HOUR_MS = 3_600_000;
const ORDER: readonly string[] = GATES.map(({ name }) => name);

/**
 * The gates of one environment, in the order in which people read gates. What it lists stands in the place of what is listed
 * for all environments under the same name, and either in the place of what the service would have by itself.
 */
export function gatesOf(spec: Spec, environment: ServiceEnvironment, place: number): readonly PlainGate[] {
  const listed = [...without(spec.gates, environment.gates), ...environment.gates];
  const all = [...without(ownGates(spec, environment, place), listed), ...listed];
  const inOrder = all.sort((a, b) => ORDER.indexOf(a.gate) - ORDER.indexOf(b.gate));
  return inOrder.map((gate) =>
    gate.gate === MIGRATIONS_ANALYSED ? withWaivers(contractsWaived(gate), waiversOf(spec, environment.name)) : gate,
  );
}

/** What a service has by itself, and what its short forms say. */
function ownGates(spec: Spec, environment: ServiceEnvironment, place: number): readonly PlainGate[] {
  const before = spec.environments[place - 1];
  const last = place === spec.environments.length - 1;
  const approvals = environment.approvals ?? (last ? 1 : 0);
  return [
    { gate: 'signature' },
    ...(spec.tests === undefined ? [] : [{ gate: 'tests-passed', params: { minimum: spec.tests } }]),
    ...(before === undefined
      ? []
      : [{ gate: 'soaked', params: { environment: before.name, durationMs: spec.soakMs } }]),
    { gate: 'window' },
    ...(approvals === 0 ? [] : [{ gate: 'approval', params: { count: approvals } }]),
    { gate: 'restore-point', at: 'migrate', params: { maxAgeMs: HOUR_MS } },
  ];
}

/**
 * That nobody asks whether the code that runs does without what a release takes away, in words: a service's schema range, which is
 * derived, doesn't say it. What the application's own program migrates can't be analysed, and isn't warned of.
 */
export function contractsUnasked(
  { spec }: ServiceContent,
  { migrations }: Pick<ReleaseManifest, 'migrations'>,
): string[] {
  const contracts = migrations.flatMap(({ id, phase }) => (phase === 'contract' ? [id] : []));
  const unasked = spec.environments.filter(({ gates }) => !names([...spec.gates, ...gates], MIGRATIONS_ANALYSED));
  if (contracts.length === 0 || unasked.length === 0 || spec.migrate !== undefined) return [];
  const where = unasked.map(({ name }) => name).join(', ');
  return [
    `it takes something away (${contracts.slice(-3).join(', ')}), and in ${where} nothing asks whether the code that runs does without it: list the gate ${MIGRATIONS_ANALYSED} in headgate.yaml`,
  ];
}

/** Those whose name stands in no other list. */
function without(gates: readonly PlainGate[], others: readonly PlainGate[]): readonly PlainGate[] {
  return gates.filter(({ gate }) => !others.some((other) => other.gate === gate));
}

/** A service's schema range is derived: that the release before does without what a contract takes away, somebody has to say. */
function contractsWaived(gate: PlainGate): PlainGate {
  return { ...gate, params: { contracts: 'waivers', ...gate.params } };
}

/** Those that stand in an environment's policy, which says no more of which one it is. */
function waiversOf({ waivers }: Spec, name: string): readonly object[] {
  return waivers.flatMap(({ environment = name, ...waiver }) => (environment === name ? [waiver] : []));
}

function withWaivers(gate: PlainGate, waivers: readonly object[]): PlainGate {
  if (waivers.length === 0) return gate;
  const own = (gate.params?.waivers ?? []) as readonly unknown[];
  return { ...gate, params: { ...gate.params, waivers: [...own, ...waivers] } };
}

/** What a schema can't say of a service's gates: what is said twice, a soak where nothing comes before, waivers of nothing. */
export function serviceGateProblems({ spec }: ServiceContent): Problem[] {
  const { environments, waivers } = spec;
  const ownLists = environments.map(({ gates }, i) => ({ gates, path: ['spec', 'environments', i, 'gates'] as Path }));
  const lists = [{ gates: spec.gates, path: ['spec', 'gates'] as Path }, ...ownLists];
  const problems: Problem[] = lists.flatMap(({ gates, path }) => gateWaiverProblems(gates, path));
  problems.push(...waiverProblems(waivers, ['spec', 'waivers']));
  if (waivers.length > 0 && !lists.some(({ gates }) => names(gates, MIGRATIONS_ANALYSED)))
    problems.push({
      path: ['spec', 'waivers'],
      expected: `the gate ${MIGRATIONS_ANALYSED} in gates, whose findings they waive`,
      found: 'it in no environment',
    });
  problems.push(...placeProblems(spec));
  if (spec.tests !== undefined && lists.some(({ gates }) => names(gates, 'tests-passed')))
    problems.push(saidTwice(['spec', 'tests'], 'tests-passed', spec.tests));
  environments.forEach((environment, i) => {
    if (environment.approvals !== undefined && names([...spec.gates, ...environment.gates], 'approval'))
      problems.push(saidTwice(['spec', 'environments', i, 'approvals'], 'approval', environment.approvals));
  });
  lists.forEach(({ gates, path }, i) => {
    problems.push(...earlierProblems(gates, path, environments.slice(0, Math.max(0, i - 1))));
  });
  return problems;
}

/**
 * Where waivers stand: that running code does without something is said of the code that runs in one environment, and what runs in
 * another is another's. Waived for all, a look at staging would let production drop what its code still reads.
 */
function placeProblems({ environments, waivers }: Spec): Problem[] {
  const known = environments.map(({ name }) => name);
  return waivers.flatMap(({ rule, environment }, i): Problem[] => {
    const path: Path = ['spec', 'waivers', i, 'environment'];
    const one = `one of ${known.join(', ')}`;
    if (environment !== undefined)
      return known.includes(String(environment)) ? [] : [{ path, expected: one, found: quoted(environment) }];
    if (known.length < 2 || !OF_RUNNING_CODE.has(String(rule))) return [];
    return [{ path, expected: `the environment whose running code does without it: ${one}`, found: 'none' }];
  });
}

const OF_RUNNING_CODE: ReadonlySet<string> = new Set(['breaks-running-code', 'may-break-running-code', OLDER_CODE]);

function names(gates: readonly PlainGate[], name: string): boolean {
  return gates.some(({ gate }) => gate === name);
}

function saidTwice(path: Path, gate: string, found: number): Problem {
  return { path, expected: `either this or the gate ${gate} in gates, not both`, found: String(found) };
}

/** Gates that ask what became of a release in an environment before. */
const OF_BEFORE: readonly string[] = ['soaked', 'rollback-rehearsed'];

/** What they ask about is an environment that releases pass before: listed for all, the first one would wait for itself. */
function earlierProblems(gates: readonly PlainGate[], path: Path, before: Spec['environments']): Problem[] {
  const known = before.map(({ name }) => name);
  return gates.flatMap(({ gate, params }, i) => {
    const environment = params?.environment;
    if (!OF_BEFORE.includes(gate) || known.includes(String(environment))) return [];
    const expected =
      known.length > 0
        ? `an environment that releases pass before this one: ${known.join(', ')}`
        : 'an environment that releases pass before; name it in the gates of the one that comes after';
    return [{ path: [...path, i, 'params', 'environment'], expected, found: quoted(environment) }];
  });
}
