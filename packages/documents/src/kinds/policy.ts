import type { ActionKind, RollbackScope } from '@headgate/domain';
import { GATES } from '@headgate/domain/gates/catalog';
import { z } from 'zod';
import { digest, expects, fields, list, milliseconds, name, named, oneOf, whole } from '../schema/fields.ts';
import { parametersSchema } from '../schema/from-json-schema.ts';
import { type ContentOf, kind } from './document.ts';

/** Every kind of action once: the compiler refuses this table when the domain learns another. */
const ACTIONS: Readonly<Record<ActionKind, true>> = {
  'restore-point': true,
  migrate: true,
  unmigrate: true,
  restore: true,
  deploy: true,
  route: true,
  hold: true,
  open: true,
  'close-operations': true,
  'open-operations': true,
  verify: true,
  soak: true,
  reconcile: true,
  retire: true,
};
const actions = Object.keys(ACTIONS) as [ActionKind, ...ActionKind[]];
const at = oneOf('promotion', 'wave', 'no-return', ...actions);

/** One form a gate: its parameters are those that the domain's gate describes. */
const gateForms = GATES.map((gate) => {
  const parameters = parametersSchema(gate.parameters);
  const required = Array.isArray(gate.parameters.required) && gate.parameters.required.length > 0;
  return fields({
    gate: z.literal(gate.name),
    // Elsewhere nobody could answer it.
    at: (gate.stays ? oneOf(gate.at) : at).default(gate.at).describe('What the gate stands before.'),
    params: required ? parameters : parameters.default({}),
  });
});

const gateNames = GATES.map((gate) => gate.name);
type GateForm = (typeof gateForms)[number];

/** A gate as people write it, in a Policy or in a Service. */
export const gate = z.discriminatedUnion('gate', gateForms as unknown as [GateForm, ...GateForm[]], {
  error: (issue) =>
    issue.code === 'invalid_union'
      ? `expected:a gate: one of ${gateNames.join(', ')}`
      : 'expected:a mapping with the fields gate, at and params',
});

/** A finding that goes by all the same, as the gate `migrations-analysed` takes it. */

const scopes: Readonly<Record<RollbackScope, true>> = { tenant: true, ring: true, cell: true, all: true };

const spec = fields({
  gates: list(gate, 1, 50).describe('Questions that must be answered yes before a change goes on.'),
  rollbackScope: oneOf(...(Object.keys(scopes) as [RollbackScope, ...RollbackScope[]])).describe(
    'Which tenants go back when a wave fails.',
  ),
  maintenance: oneOf('whole', 'reads-first')
    .exactOptional()
    .describe(
      'How tenants with stores of their own are held: as a whole at once (the default), or, while the restore point is taken, for writes alone.',
    ),
  maskedCopies: oneOf('required', 'not-required')
    .exactOptional()
    .describe(
      'Whether the stores of its environments have to be masked copies, found free of originals; without it, nobody asks.',
    ),
  maskingRules: list(digest, 1, 100)
    .exactOptional()
    .describe('Digests of the Masking rules by one of which a copy has to be masked; without it, by any.'),
  limits: fields({
    latestFinishMs: milliseconds(1).describe('From the request to the last moment at which a forward step may start.'),
    approvalMs: milliseconds(1).describe('How long an approval holds.'),
    attempts: whole(1, 20).default(3).describe('Attempts at a step in all, the first included.'),
    stepTimeoutMs: milliseconds(1).default(300_000).describe('How long one attempt at a step may take.'),
    timeoutsMs: z
      .partialRecord(z.enum(actions, expects(`one of ${actions.join(', ')}`)), milliseconds(1))
      .default({})
      .describe('By action, where it differs from stepTimeoutMs.'),
  }),
  hypercare: named(fields({ name, durationMs: milliseconds(1) }), 0, 10)
    .default([])
    .describe('The watch after a promotion, one stage after the other.'),
});

export const policy = kind('Policy', 'The gates of an environment, and what a rollback takes back.', spec);
export type PolicyContent = ContentOf<typeof policy>;
