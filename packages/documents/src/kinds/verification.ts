/**
 * Business transactions against one tenant, after the Arazzo specification's workflows: requests in order, what makes
 * each a success, what later ones take from it, and when to try again.
 */
import { z } from 'zod';
import { distinct, expects, fields, list, mapping, milliseconds, oneOf, text, whole } from '../schema/fields.ts';
import { type ContentOf, kind } from './document.ts';
import { type Expression, INPUT_NAMES, parseCondition, parseExpression, parseTemplate } from './expressions.ts';

const idPhrase = expects('an id: letters, digits, _ and -, at most 63');
const id = z.string(idPhrase).regex(/^[A-Za-z0-9_-]{1,63}$/, idPhrase);

const templatePhrase = expects(
  `a text in which {…} holds an expression like {$inputs.tenant} or {$steps.create.outputs.id}`,
);
const template = (max: number) => text(max).refine((value) => parseTemplate(value) !== undefined, templatePhrase);

const pathPhrase = expects('a path that starts with /');
const headerPhrase = expects('a header name');
const expressionPhrase = expects(
  'an expression: $statusCode, $response.body#/a/b, $response.fault#/a, $response.header.x, $inputs.tenant or $steps.x.outputs.y',
);
const conditionPhrase = expects("a comparison like $statusCode == 201 or $response.body#/state == 'posted'");

const criterion = fields({
  condition: text(1_000).refine((value) => parseCondition(value) !== undefined, conditionPhrase),
});

const methodPhrase = expects('the name of an XML-RPC method');
const xmlRpc = fields({
  method: z.string(methodPhrase).regex(/^[A-Za-z0-9_.:/]{1,200}$/, methodPhrase),
  params: z
    .array(z.unknown(), expects('a list of parameters'))
    .max(50, expects('a list of at most 50 parameters'))
    .describe('Plain data, with expressions as in a body. $inputs.token is the key with which the tenant is checked.'),
  nilFault: text(200)
    .exactOptional()
    .describe(
      'How the text of a fault ends that only says that there is nothing to answer, or nothing there to do it. The body is null then.',
    ),
});

const request = fields({
  method: oneOf('GET', 'POST', 'PUT', 'PATCH', 'DELETE').exactOptional().describe('Not for XML-RPC, which is POST.'),
  path: template(1_000).refine((value) => value.startsWith('/') && !value.startsWith('//'), pathPhrase),
  query: mapping(text(100), template(1_000), 50).exactOptional(),
  headers: mapping(z.string().regex(/^[A-Za-z0-9-]{1,100}$/, headerPhrase), template(2_000), 50).exactOptional(),
  body: z
    .unknown()
    .optional()
    .describe('JSON. A text that is one expression stands for its value; other texts may hold expressions in braces.'),
  xmlRpc: xmlRpc
    .exactOptional()
    .describe(
      'In place of a body: a call by XML-RPC. $response.body is the value that it answers; a fault fails the step, unless a criterion names $response.fault.',
    ),
}).check((context) => {
  const { method, body, xmlRpc } = context.value;
  const issue = (path: string[], expected: string, input: unknown) =>
    context.issues.push({ code: 'custom', message: `expected:${expected}`, path, input });
  if (xmlRpc === undefined && method === undefined) issue(['method'], 'a method, or xmlRpc', method);
  if (xmlRpc !== undefined && method !== undefined && method !== 'POST') issue(['method'], 'POST for xmlRpc', method);
  if (xmlRpc !== undefined && body !== undefined) issue(['body'], 'either a body or xmlRpc', body);
});

const step = fields({
  stepId: id,
  description: text(500).exactOptional(),
  request,
  successCriteria: list(criterion, 1, 30).describe('All must hold.'),
  outputs: mapping(
    id,
    text(500).refine((value) => parseExpression(value) !== undefined, expressionPhrase),
    30,
  ).exactOptional(),
  onFailure: list(
    fields({
      type: oneOf('retry'),
      retryAfterMs: milliseconds(0),
      retryLimit: whole(1, 100).describe('Tries after the first one.'),
      criteria: list(criterion, 1, 10).exactOptional().describe('Only when these hold; without any: always.'),
    }),
    1,
    5,
  )
    .exactOptional()
    .describe('Without it, a step that fails fails the workflow.'),
});

const workflow = fields({
  workflowId: id,
  summary: text(500).exactOptional(),
  steps: distinct(step, 1, 50, (each) => each.stepId, 'stepId'),
}).check((context) => {
  const { steps } = context.value;
  const outputs = new Map<string, ReadonlySet<string>>();
  steps.forEach((each, i) => {
    const issue = (path: (string | number)[], expected: string, input: unknown) =>
      context.issues.push({ code: 'custom', message: `expected:${expected}`, path: ['steps', i, ...path], input });
    const check = (expression: Expression, path: (string | number)[], input: unknown, answered: boolean) => {
      if (expression.kind === 'token') {
        issue(path, 'the token only as a whole parameter of XML-RPC, since it is a secret', input);
      } else if (expression.kind === 'fault' && answered && each.request.xmlRpc === undefined) {
        issue(path, 'a fault only where the request is XML-RPC', input);
      } else if (expression.kind === 'output') {
        const known = outputs.get(expression.step);
        if (known === undefined)
          issue(path, `the output of an earlier step (${[...outputs.keys()].join(', ') || 'there is none'})`, input);
        else if (!known.has(expression.name))
          issue(path, `an output of step ${expression.step} (${[...known].join(', ') || 'it has none'})`, input);
      } else if (!answered && expression.kind !== 'input') {
        issue(path, 'only inputs and outputs of earlier steps, since no response is there yet', input);
      }
    };
    const checkTemplate = (value: string, path: (string | number)[]) => {
      for (const part of parseTemplate(value) ?? []) if (typeof part !== 'string') check(part, path, value, false);
    };
    const { path, query, headers, body, xmlRpc } = each.request;
    checkTemplate(path, ['request', 'path']);
    for (const [key, value] of Object.entries(query ?? {})) checkTemplate(value, ['request', 'query', key]);
    for (const [key, value] of Object.entries(headers ?? {})) checkTemplate(value, ['request', 'headers', key]);
    if (body !== undefined && each.request.method === 'GET') issue(['request', 'body'], 'no body for GET', body);
    const checkText = (value: string, at: (string | number)[]) => {
      const whole = value.startsWith('$') ? parseExpression(value) : undefined;
      if (whole?.kind === 'token' && at[1] === 'xmlRpc') return;
      if (whole !== undefined) return check(whole, at, value, false);
      if (parseTemplate(value) === undefined) return void issue(at, 'a text in which {…} holds an expression', value);
      checkTemplate(value, at);
    };
    walkTexts(body, ['request', 'body'], checkText);
    walkTexts(xmlRpc?.params, ['request', 'xmlRpc', 'params'], checkText);
    const conditions = [
      ...each.successCriteria.map(({ condition }, c) => ({ condition, path: ['successCriteria', c, 'condition'] })),
      ...(each.onFailure ?? []).flatMap(({ criteria }, f) =>
        (criteria ?? []).map(({ condition }, c) => ({ condition, path: ['onFailure', f, 'criteria', c, 'condition'] })),
      ),
    ];
    for (const { condition, path: at } of conditions) {
      const parsed = parseCondition(condition);
      if (parsed === undefined) continue;
      check(parsed.left, at, condition, true);
      if ('expression' in parsed.right) check(parsed.right.expression, at, condition, true);
    }
    for (const [key, value] of Object.entries(each.outputs ?? {})) {
      const parsed = parseExpression(value);
      if (parsed !== undefined) check(parsed, ['outputs', key], value, true);
    }
    outputs.set(each.stepId, new Set(Object.keys(each.outputs ?? {})));
  });
});

/** Every text in a JSON value, with its path. */
function walkTexts(
  value: unknown,
  path: (string | number)[],
  visit: (text: string, path: (string | number)[]) => void,
  depth = 0,
): void {
  if (depth > 50) return;
  if (typeof value === 'string') visit(value, path);
  else if (Array.isArray(value))
    for (const [i, item] of value.entries()) walkTexts(item, [...path, i], visit, depth + 1);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) walkTexts(item, [...path, key], visit, depth + 1);
  }
}

const spec = fields({
  requestTimeoutMs: milliseconds(1)
    .max(60_000, expects('at most 60000'))
    .default(5_000)
    .describe('How long one request may take.'),
  busyAtMostPercent: whole(10, 100)
    .exactOptional()
    .describe(
      'Of the time, how much the checks of a tenant may keep the system busy that its neighbours use, too: at 50, each request is followed by a rest as long as it took. Without it they never rest, but in a soak, which takes a quarter at most. A tenant that is held waits longer, so weigh that.',
    ),
  workflows: distinct(workflow, 1, 30, (each) => each.workflowId, 'workflowId').describe(
    `Business transactions, each run for every tenant in turn. Inputs: ${INPUT_NAMES.map((name) => `$inputs.${name}`).join(', ')}.`,
  ),
});

export const verification = kind(
  'Verification',
  'Business transactions that decide whether a release is sound for a tenant.',
  spec,
);
export type VerificationContent = ContentOf<typeof verification>;
