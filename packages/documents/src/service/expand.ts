import { API_VERSION } from '@headgate/domain';
import { gatesOf } from './gates.ts';
import { SERVICE_COMPONENT, SERVICE_RING, SERVICE_SLOTS, serviceCellName, serviceStoreName } from './names.ts';
import type { ServiceContent, ServiceEnvironment } from './service.ts';

/** A document as it is applied, not yet checked. */
export interface PlainDocument {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly owner: string };
  readonly spec: object;
}

const HOUR_MS = 3_600_000;

/**
 * The documents that a service stands for, as somebody would write them who had an hour. Nothing in them is hidden: they
 * are applied and shown like any others, and whoever wants one of them otherwise declares all of them and no service.
 */
export function expandService(service: ServiceContent, agent: string): readonly PlainDocument[] {
  const { metadata, spec } = service;
  const { name, owner } = metadata;
  const document = (kind: string, named: string, content: object): PlainDocument => ({
    apiVersion: API_VERSION,
    kind,
    metadata: { name: named, owner },
    spec: content,
  });
  const calendar = spec.calendar ?? `${name}-always`;
  const verification = spec.verification ?? `${name}-answers`;
  const documents = [
    document('Application', name, {
      tenancy: 'rows',
      components: [{ name: SERVICE_COMPONENT, role: 'web', recovery: 'stateless' }],
      pipeline: spec.environments.map((each) => each.name),
      rings: [{ name: SERVICE_RING, soakMs: spec.soakMs }],
      verification,
      ...(spec.operations !== undefined && { operations: spec.operations }),
      ...(spec.contacts !== undefined && { contacts: spec.contacts }),
    }),
  ];
  spec.environments.forEach((environment, i) => {
    const cell = serviceCellName(service, environment);
    documents.push(
      document('Environment', environment.name, { application: name, policy: cell, calendars: [calendar], agent }),
      document('Policy', cell, policyOf(service, environment, i)),
      document('Cell', cell, {
        environment: environment.name,
        slots: [...SERVICE_SLOTS],
        stores: [{ name: serviceStoreName(service, environment) }],
      }),
      document('Tenant', name, { cell, store: serviceStoreName(service, environment), ring: SERVICE_RING }),
    );
  });
  if (spec.calendar === undefined) documents.push(document('Calendar', calendar, ALWAYS));
  if (spec.verification === undefined) documents.push(document('Verification', verification, answers(spec.health)));
  return documents;
}

function policyOf({ spec }: ServiceContent, environment: ServiceEnvironment, place: number): object {
  return {
    gates: gatesOf(spec, environment, place),
    rollbackScope: 'cell',
    limits: {
      latestFinishMs: 24 * HOUR_MS,
      approvalMs: 12 * HOUR_MS,
      attempts: 3,
      stepTimeoutMs: 300_000,
      timeoutsMs: { 'restore-point': HOUR_MS, migrate: HOUR_MS, restore: HOUR_MS },
    },
    hypercare: environment.hypercare ?? spec.hypercare,
  };
}

const ALWAYS = {
  timezone: 'Etc/UTC',
  windows: [{ name: 'every-day', start: '2026-01-01T00:00:00', rrule: 'FREQ=DAILY', durationMinutes: 1_440 }],
};

function answers(health: string): object {
  return {
    workflows: [
      {
        workflowId: 'answers',
        summary: 'The service answers through the router. Put a transaction that its customers live from in its place.',
        steps: [
          {
            stepId: 'health',
            request: { method: 'GET', path: health },
            successCriteria: [{ condition: '$statusCode == 200' }],
          },
        ],
      },
    ],
  };
}
