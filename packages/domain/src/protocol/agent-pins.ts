/**
 * What a person pinned at an agent, as the agent tells it, held against what it would be asked to carry out. The agent judges
 * for itself whatever is made of this here: it is told so that people hear of it before they approve, and a promotion waits
 * for the pin in place of being refused at its first step. An agent that lies gains nothing: it may refuse any step anyway.
 */
import { holdingApprovals } from '../gates/approval.ts';
import { type GateFacts, wholeNumber } from '../gates/gate.ts';
import { askAnew } from '../gates/replaced-policy.ts';
import type { Digest, PrincipalId } from '../model/identity.ts';
import type { Action, CellPlan, DocumentRef, Plan } from '../plan/plan.ts';

/** What an agent holds the plans of one environment to. */
export interface AgentPins {
  /** The only policy; absent: any. */
  readonly policyDigest?: Digest;
  /** The only verifications and reconciliations; absent: any. `many`: more than it tells, so nothing is known of them. */
  readonly documents?: readonly Digest[] | 'many';
  /** Only approvals that their approvers signed count. */
  readonly signedApprovals?: true;
}

/** Who told it, of which cell. */
export interface ToldPins {
  readonly cell: string;
  readonly environment: string;
  readonly agent: PrincipalId;
  readonly pins: AgentPins;
}

export type ObjectionCode = 'other-policy' | 'other-document' | 'signed-approvals';

/** What an agent would refuse the first step of a promotion for, by what it told. */
export interface Objection {
  readonly cell: string;
  readonly environment: string;
  readonly agent: PrincipalId;
  readonly code: ObjectionCode;
  readonly why: string;
  readonly unblock: string;
  /** The policy that it holds in the place of the one that is asked of it. */
  readonly held?: Digest;
  /** The policy or the document that is asked of it, and that it doesn't hold. */
  readonly asked?: Digest;
  /** What the plan asks for is no longer in force: nothing is mended by pinning it, the promotion is asked for anew. */
  readonly outdated?: true;
}

/** What a promotion to a cell rests on. */
export interface RestsOn {
  readonly policyDigest: Digest;
  readonly documents: readonly DocumentRef[];
}

/** The documents that a cell's plan names, in its steps, their undo and its recovery: each once. */
export function documentsOf(cell: CellPlan): readonly DocumentRef[] {
  const undone = cell.steps.flatMap(({ undo }) => (undo.kind === 'act' ? [undo.action] : []));
  const all = [...cell.steps.map((s) => s.action), ...undone, ...cell.recovery.map((s) => s.action)].flatMap(named);
  return [...new Map(all.map((document) => [document.digest, document])).values()];
}

function named(action: Action): readonly DocumentRef[] {
  switch (action.kind) {
    case 'verify':
    case 'soak':
      return [action.verification];
    case 'reconcile':
      return [action.reconciliation];
    default:
      return [];
  }
}

/** What speaks against a promotion that is asked for now, under what is declared now. */
export function objectionsInForce(told: ToldPins, inForce: RestsOn): readonly Objection[] {
  return pinsAgainst(told, inForce, {
    policy: 'the policy in force is',
    document: 'and what is in force names',
    refused: 'a promotion there waits before its first wave',
  });
}

/**
 * What speaks against a plan. `gates`: what its approvals are counted by; without them nobody has approved yet. `inForce`: what a
 * promotion would rest on that were asked for now; absent: nobody knows. Cells of which nobody told anything have no objection.
 */
export function objectionsToPlan(
  plan: Plan,
  told: ReadonlyMap<string, ToldPins>,
  gates: GateFacts | undefined,
  inForce?: RestsOn,
): readonly Objection[] {
  const standing = inForce && new Set([inForce.policyDigest, ...inForce.documents.map(({ digest }) => digest)]);
  return plan.cells.flatMap((cell) => {
    const own = told.get(cell.cell);
    if (own === undefined) return [];
    const restsOn = { policyDigest: plan.policyDigest, documents: documentsOf(cell) };
    const said = {
      policy: 'this plan is made under',
      document: 'and this plan names',
      refused: 'it waits before its first wave',
    };
    const against = pinsAgainst(own, restsOn, said).map((objection) =>
      standing === undefined || objection.asked === undefined || standing.has(objection.asked)
        ? objection
        : outdated(objection, plan, gates?.promotion),
    );
    return [...against, ...unsigned(own, plan, gates)];
  });
}

interface Said {
  readonly policy: string;
  readonly document: string;
  readonly refused: string;
}

/**
 * An objection to what was in force when the promotion was planned and no longer is. What an agent is held to moves on and not
 * back, and a plan is never made over: what was approved is what runs.
 */
function outdated(
  { why, ...objection }: Objection,
  { release, environment }: Plan,
  promotion = 'PROMOTION',
): Objection {
  return {
    ...objection,
    why: `${why}; what it is planned under is no longer in force`,
    unblock: `ask for it anew, which plans it under what is in force: ${askAnew(promotion, release.digest, environment)}`,
    outdated: true,
  };
}

function pinsAgainst(told: ToldPins, { policyDigest, documents }: RestsOn, said: Said): readonly Objection[] {
  const { pins, cell, environment, agent } = told;
  const of = { cell, environment, agent };
  const who = `the agent ${agent} of ${environment}`;
  const objections: Objection[] = [];
  if (pins.policyDigest !== undefined && pins.policyDigest !== policyDigest)
    objections.push({
      ...of,
      code: 'other-policy',
      why: `${who} holds policy ${pins.policyDigest}, and ${said.policy} ${policyDigest}: ${said.refused}`,
      unblock: `read what changed: \`headgate document diff ${pins.policyDigest} ${policyDigest}\`, and pin it there: policyDigest: ${policyDigest} ${inFile(environment)}`,
      held: pins.policyDigest,
      asked: policyDigest,
    });
  const { documents: held } = pins;
  if (held === undefined || held === 'many') return objections;
  for (const { name, digest } of documents)
    if (!held.includes(digest))
      objections.push({
        ...of,
        code: 'other-document',
        why: `${who} doesn't hold the document ${name} (${digest}), ${said.document} it: ${said.refused}`,
        unblock: `read it: \`headgate document show ${digest}\`, and pin it there: ${digest} among the documents ${inFile(environment)}`,
        asked: digest,
      });
  return objections;
}

function inFile(environment: string): string {
  return `of ${environment} in its agent.yaml (for a service: headgate setup FOLDER, then once more headgate-agent enrol --handed FILE --service FILE), and start it anew: headgate-agent stop --config FILE --agent-only, headgate-agent run --config FILE`;
}

/** Approvals that only the server attests, where the agent takes nobody's word for them. */
function unsigned({ pins, cell, environment, agent }: ToldPins, plan: Plan, gates: GateFacts | undefined) {
  if (pins.signedApprovals !== true) return [];
  const count = Math.max(
    0,
    ...plan.gates.filter(({ gate }) => gate === 'approval').map(({ params }) => wholeNumber(params, 'count') ?? 0),
  );
  const approvals = gates?.approvals.filter(({ proof }) => proof === 'signed') ?? [];
  const signed = gates === undefined ? 0 : holdingApprovals({ ...gates, approvals }).length;
  if (signed >= count) return [];
  const objection: Objection = {
    cell,
    environment,
    agent,
    code: 'signed-approvals',
    why: `the agent ${agent} of ${environment} takes only approvals that their approvers signed: ${signed} of ${count} are`,
    unblock: `\`headgate approve ${gates?.promotion ?? 'PROMOTION'} --sign-key FILE\`, with a key that its trust file names`,
  };
  return [objection];
}

const OBJECTS = 'its agent would refuse it';
/** So many are said in words, and so many cells of one are named; the others are counted. */
const MOST_SAID = 3;

/** Objections with one cause, and the cells that they are of. */
export interface SameObjection extends Omit<Objection, 'cell'> {
  readonly cells: readonly string[];
}

/** What has one cause is one objection, however many cells it is of. */
export function together(objections: readonly Objection[]): readonly SameObjection[] {
  const found = new Map<string, Omit<Objection, 'cell'> & { readonly cells: string[] }>();
  for (const { cell, ...objection } of objections) {
    const same = found.get(objection.why);
    if (same === undefined) found.set(objection.why, { ...objection, cells: [cell] });
    else same.cells.push(cell);
  }
  return [...found.values()];
}

/** Why a promotion waits for an agent's pin. The same objections make the same words, and those have a bound. */
export function objectionReason(objections: readonly Objection[]): string {
  const same = together(objections);
  const more = same.length - MOST_SAID;
  const said = same.slice(0, MOST_SAID).map(({ cells, why }) => `${cellsText(cells)}: ${why}`);
  return `${OBJECTS}: ${[...said, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')}`
    .slice(0, 3_000)
    .toWellFormed();
}

function cellsText(cells: readonly string[]): string {
  const more = cells.length - MOST_SAID;
  const names = cells.slice(0, MOST_SAID).join(', ');
  return `${cells.length === 1 ? 'cell' : 'cells'} ${names}${more > 0 ? ` and ${more} more` : ''}`;
}

/** What would end the wait for them; each thing once. */
export function objectionUnblocks(objections: readonly Objection[]): readonly string[] {
  return [...new Set(objections.map(({ unblock }) => unblock))].slice(0, MOST_SAID);
}

/** Whether a promotion waits for that. */
export function isObjected(reason: string): boolean {
  return reason.startsWith(OBJECTS);
}
