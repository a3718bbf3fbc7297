/** Against the specification's own JSON Schemas, of the version that the events name. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { CDEVENTS_VERSION, type CloudEvent, cdEventsOf } from './cd-events.ts';
import type { NotedPromotion } from './happening.ts';

const { schemas } = JSON.parse(
  readFileSync(new URL(`./testing/cdevents-${CDEVENTS_VERSION}.json`, import.meta.url), 'utf8'),
) as { schemas: { $id: string; properties?: { context?: { properties: { type: { enum: string[] } } } } }[] };
const ajv = new Ajv2020({ strict: false, schemas });
addFormats.default(ajv);
const idOf = new Map(
  schemas.flatMap((s) => s.properties?.context?.properties.type.enum.map((type) => [type, s.$id]) ?? []),
);

function trouble(event: CloudEvent): string {
  const { context } = event.data as { context: { type: string } };
  const validate = ajv.getSchema(idOf.get(context.type) ?? '');
  if (validate === undefined) return `no schema for ${context.type}`;
  return validate(event.data) ? '' : ajv.errorsText(validate.errors);
}

function noted(type: string, data: object, cell?: string): NotedPromotion {
  const digest = `sha256:${'a'.repeat(64)}`;
  const promotion = {
    ...{ id: 'prm_1', application: 'shop', environment: 'production', release: { digest, version: '2.0.0+b1' } },
    ...{ requester: 'usr_a', authors: [], waves: 2, cells: ['live'], tenants: [] },
    before: { live: { digest, version: '1.0.0' } },
  };
  return {
    place: 7,
    at: 1_700_000_000_000,
    promotion,
    type,
    data,
    ...(cell !== undefined && { cell }),
  } as unknown as NotedPromotion;
}

const SOURCE = '/headgate/ins_1';

describe('what happens to a promotion', () => {
  const because = 'it answered 500';
  test.each([
    ['is asked for', noted('promotion.requested', {}), ['pipelinerun.queued']],
    ['begins', noted('promotion.wave-opened', { wave: 1 }), ['pipelinerun.started']],
    ['goes on', noted('promotion.wave-opened', { wave: 2 }), []],
    ['goes back', noted('promotion.rollback-decided', { because }), ['incident.detected']],
    [
      'is promoted',
      noted('promotion.ended', { result: 'promoted', because }),
      ['pipelinerun.finished', 'environment.modified'],
    ],
    [
      'is back',
      noted('promotion.ended', { result: 'rolled-back', because }),
      ['pipelinerun.finished', 'incident.resolved'],
    ],
    ['is back in part', noted('promotion.ended', { result: 'partly-rolled-back', because }), ['pipelinerun.finished']],
    ['is rejected', noted('promotion.ended', { result: 'rejected', because }), ['pipelinerun.finished']],
    ['is kept', noted('promotion.kept', { by: 'usr_a' }), ['pipelinerun.finished']],
    ['reaches a cell', noted('rollout.settled', { result: 'completed' }, 'live'), ['service.upgraded']],
    ['leaves a cell', noted('rollout.settled', { result: 'undone' }, 'live'), ['service.rolledback']],
    [
      'leaves a cell of which little is known',
      noted('rollout.settled', { result: 'undone' }, 'new'),
      ['service.rolledback'],
    ],
    ['ends in a cell as it is', noted('rollout.settled', { result: 'kept' }, 'live'), []],
    ['waits', noted('promotion.waiting', { verdicts: [] }), []],
  ])('when it %s, in events that the schemas take', (_title, of, types) => {
    const events = cdEventsOf(of, SOURCE);
    expect(events.map((e) => e.type)).toEqual(types.map((type) => `dev.cdevents.${type}.0.3.0`));
    for (const event of events) {
      expect(trouble(event)).toBe('');
      const { context } = event.data as { context: { id: string; source: string; timestamp: string } };
      expect([event.specversion, event.id, event.source, event.time]).toEqual([
        '1.0',
        context.id,
        SOURCE,
        context.timestamp,
      ]);
    }
    expect(new Set(events.map((e) => e.id)).size).toBe(events.length);
  });

  test('names the version that a cell went back to', () => {
    const [event] = cdEventsOf(noted('rollout.settled', { result: 'undone' }, 'live'), SOURCE);
    expect(JSON.stringify(event)).toContain('pkg:generic/shop@1.0.0?checksum=sha256%3Aaaa');
  });
});

test('the schemas refuse an event without its environment, of another type, or with more', () => {
  const [event] = cdEventsOf(noted('rollout.settled', { result: 'completed' }, 'live'), SOURCE) as [CloudEvent];
  const data = event.data as { context: object; subject: { content: object } };
  const changed = (more: object): CloudEvent => ({ ...event, data: { ...data, ...more } });
  expect(trouble(changed({ subject: { ...data.subject, content: { artifactId: 'x' } } }))).toContain('environment');
  expect(trouble(changed({ context: { ...data.context, type: 'dev.cdevents.service.upgraded.9.0.0' } }))).toContain(
    'no schema',
  );
  expect(trouble(changed({ more: true }))).toContain('additional');
});
