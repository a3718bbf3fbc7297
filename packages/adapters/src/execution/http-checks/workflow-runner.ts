import { parseCondition, parseExpression } from '@headgate/documents/kinds/expressions';
import type { VerificationContent } from '@headgate/documents/kinds/verification';
import { pause } from '@headgate/execution/steps/step-executor';
import { CHECK_HEADER } from '../router/check-pass.ts';
import { discreet, fill, fillJson, holds, type Known, namedValue, pointed, type StepAnswer } from './evaluate.ts';
import { type HttpAnswer, httpCall } from './http-call.ts';
import type { Pace } from './pace.ts';
import { faultWords, readXmlRpc, xmlRpcBody } from './xml-rpc-call.ts';

type Workflow = VerificationContent['spec']['workflows'][number];
type Step = Workflow['steps'][number];

export interface WorkflowRun {
  readonly baseUrl: string;
  readonly token: string | undefined;
  /** Opens the door of a held tenant. */
  readonly pass?: string | undefined;
  /** Names the tenant to the router. */
  readonly host?: string | undefined;
  readonly inputs: Known['inputs'];
  readonly requestTimeoutMs: number;
  readonly pace: Pace;
  readonly signal: AbortSignal;
}

/** An answer may not be larger. Bytes. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** A step that failed for good. */
interface StepFailure {
  readonly why: string;
  /** When its first look was answered with something else than what is expected; later looks hoped until now. */
  readonly since: number;
}

/** Runs one business transaction. Returns the step that failed and why, or nothing when all went well. */
export async function runWorkflow(
  workflow: Workflow,
  run: WorkflowRun,
): Promise<({ readonly step: string } & StepFailure) | undefined> {
  const outputs = new Map<string, ReadonlyMap<string, unknown>>();
  for (const step of workflow.steps) {
    const result = await runStep(step, run, { inputs: run.inputs, outputs });
    if ('why' in result) return { step: step.stepId, why: masked(result.why, run.token), since: result.since };
    outputs.set(step.stepId, result);
  }
  return undefined;
}

/** The step's outputs, or why it failed for good. */
async function runStep(
  step: Step,
  run: WorkflowRun,
  before: Known,
): Promise<ReadonlyMap<string, unknown> | StepFailure> {
  const tries = new Map<number, number>();
  let since: number | undefined;
  const failed = (why: string): StepFailure => ({ why, since: since ?? Date.now() });
  for (;;) {
    if (run.signal.aborted) return failed('ended before its answer came');
    const answer = await ask(step, run, before).catch((error: Error) => error.message);
    const known: Known = typeof answer === 'string' ? before : { ...before, answer };
    const unlike = typeof answer === 'string' ? answer : unmet(step, known);
    const wrong = unlike && `${unlike}${typeof answer === 'string' ? '' : closedWords(answer.closed)}`;
    if (wrong === undefined) {
      const outputs = Object.entries(step.outputs ?? {}).map(
        ([name, text]) => [name, namedValue(parseExpression(text)!, known)] as const,
      );
      // What is taken from an answer goes into paths and headers: a server that repeats the key mustn't bring it there.
      const echo = outputs.find(([, value]) => run.token !== undefined && repeats(value, run.token));
      if (echo) return failed(`the answer repeats the tenant's token in what is taken as ${echo[0]}`);
      return new Map(outputs);
    }
    since ??= Date.now();
    const waitMs = retryAfter(step, known, tries);
    if (waitMs === undefined) {
      const tried = [...tries.values()].reduce((sum, n) => sum + n, 0);
      return failed(tried > 0 ? `${wrong}, after ${tried + 1} tries` : wrong);
    }
    await pause(waitMs, run.signal);
  }
}

/** The first criterion that doesn't hold, in words; a fault that none of them looks at, which comes with status 200. */
function unmet(step: Step, known: Known): string | undefined {
  const { wrong, fault } = known.answer ?? {};
  if (wrong !== undefined) return wrong;
  if (fault !== undefined && !looksAtFault(step)) return faultWords(fault);
  for (const { condition } of step.successCriteria) {
    const parsed = parseCondition(condition)!;
    if (!holds(parsed, known)) return `expected ${condition.trim()}, found ${discreet(namedValue(parsed.left, known))}`;
  }
  return undefined;
}

/** That the application wasn't asked, where it is the cell's router that refused a closed operation. */
function closedWords(operation: string | undefined): string {
  if (operation === undefined) return '';
  return `; the operation ${operation} is closed at the cell’s router (what a release activates last, no check may ask for before)`;
}

/** The operation that a router says is closed, where it answers in place of the application. */
function closedOperation({ status, json }: Pick<HttpAnswer, 'status' | 'json'>): string | undefined {
  const operation = status === 503 ? pointed(json(), '/operation') : undefined;
  return typeof operation === 'string' && /^[a-z0-9-]{1,63}$/.test(operation) ? operation : undefined;
}

function looksAtFault(step: Step): boolean {
  return step.successCriteria.some(({ condition }) => {
    const { left, right } = parseCondition(condition)!;
    return left.kind === 'fault' || ('expression' in right && right.expression.kind === 'fault');
  });
}

function repeats(value: unknown, token: string): boolean {
  return (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).includes(token);
}

/** No message holds the token, wherever in it the server may have put it. */
function masked(text: string, token: string | undefined): string {
  return token === undefined || token === '' ? text : text.replaceAll(token, '***');
}

/** How long to wait before another try; `undefined` when there is none. The first entry whose criteria hold decides. */
function retryAfter(step: Step, known: Known, tries: Map<number, number>): number | undefined {
  for (const [i, entry] of (step.onFailure ?? []).entries()) {
    if (!(entry.criteria ?? []).every(({ condition }) => holds(parseCondition(condition)!, known))) continue;
    const done = tries.get(i) ?? 0;
    if (done >= entry.retryLimit) return undefined;
    tries.set(i, done + 1);
    return entry.retryAfterMs;
  }
  return undefined;
}

async function ask(step: Step, run: WorkflowRun, known: Known): Promise<StepAnswer> {
  const { request } = step;
  const url = new URL(run.baseUrl);
  // Set as text that is encoded already, so that no value of a tenant's can change the path's parts or the host.
  const [path, query] = fill(request.path, known, encodeURIComponent).split('?', 2);
  url.pathname = path!;
  url.search = query ?? '';
  for (const [key, value] of Object.entries(request.query ?? {})) url.searchParams.append(key, fill(value, known));
  const { xmlRpc } = request;
  const [media, body] =
    xmlRpc !== undefined
      ? ['text/xml', xmlRpcBody(xmlRpc, known, run.token)]
      : [
          'application/json',
          request.body === undefined ? undefined : Buffer.from(JSON.stringify(fillJson(request.body, known))),
        ];
  const headers: Record<string, string> = { accept: media };
  for (const [key, value] of Object.entries(request.headers ?? {})) headers[key.toLowerCase()] = fill(value, known);
  if (body !== undefined) headers['content-type'] = media;
  if (run.token !== undefined) headers.authorization = `Bearer ${run.token}`;
  if (run.host !== undefined) headers.host = run.host;
  if (run.pass !== undefined) headers[CHECK_HEADER] = run.pass;
  const call = () =>
    httpCall({
      method: request.method ?? 'POST',
      url,
      headers,
      ...(body === undefined ? {} : { body }),
      timeoutMs: run.requestTimeoutMs,
      maxBytes: MAX_ANSWER_BYTES,
      signal: run.signal,
    });
  const answer = await run.pace.turn(run.signal, call);
  const closed = closedOperation(answer);
  const read =
    xmlRpc !== undefined
      ? readXmlRpc(answer, xmlRpc)
      : { status: answer.status, headers: answer.headers, body: () => answer.json() };
  return closed === undefined ? read : { ...read, closed };
}
