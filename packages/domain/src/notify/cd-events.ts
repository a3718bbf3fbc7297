/**
 * CDEvents 0.5.1 of what happens to promotions and rollouts, in CloudEvents 1.0 structured mode. A promotion is a
 * pipeline run, a cell a service, and going back an incident of the environment. Programs get each event by itself:
 * nothing is gathered, and an event's id is its place on the log.
 */
import type { ReleaseRef } from '../model/release.ts';
import { PRODUCT } from '../product.ts';
import type { PromotionEvent } from '../promotion/events.ts';
import type { TakenBackEvent } from '../promotion/taken-back.ts';
import type { RolloutEvent } from '../rollout/events.ts';
import type { NotedPromotion } from './happening.ts';

export const CDEVENTS_VERSION = '0.5.1';

export interface CloudEvent extends Readonly<Record<string, unknown>> {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: Readonly<Record<string, unknown>>;
}

interface Said {
  readonly type: string;
  readonly subject: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** The events that an entry stands for, none for most; `source` is a URI reference that names the installation. */
export function cdEventsOf(noted: NotedPromotion, source: string): readonly CloudEvent[] {
  return said(noted, source).map(({ type, subject, content }, n) => {
    const id = `${noted.place}-${n}`;
    const fullType = `dev.cdevents.${type}.0.3.0`;
    const time = new Date(noted.at).toISOString();
    const { id: promotion, release } = noted.promotion;
    return {
      specversion: '1.0',
      id,
      source,
      type: fullType,
      subject,
      time,
      datacontenttype: 'application/json',
      data: {
        context: { specversion: CDEVENTS_VERSION, id, source, type: fullType, timestamp: time },
        subject: { id: subject, source, content },
        customData: { [PRODUCT.toLowerCase()]: { promotion, release } },
        customDataContentType: 'application/json',
      },
    };
  });
}

const OUTCOME: Readonly<Record<string, string>> = {
  promoted: 'success',
  rejected: 'cancel',
  expired: 'cancel',
  superseded: 'cancel',
};

function said(noted: NotedPromotion, source: string): readonly Said[] {
  const { promotion, cell } = noted;
  const { id, application, environment, release } = promotion;
  const run = { pipelineName: `${application} to ${environment}`, uri: `urn:headgate:promotion:${id}` };
  const place = { environment: { id: environment, source } };
  const service = (type: string, artifact: ReleaseRef | undefined): readonly Said[] =>
    cell === undefined
      ? []
      : [{ type, subject: `${application}/${cell}`, content: { ...place, artifactId: purl(application, artifact) } }];
  const incident = (type: string, description: string): Said => ({
    type,
    subject: `${id}/rollback`,
    content: { description, ...place, service: { id: application, source }, artifactId: purl(application, release) },
  });
  const entry = noted as PromotionEvent | RolloutEvent | TakenBackEvent;
  switch (entry.type) {
    case 'promotion.requested':
      return [{ type: 'pipelinerun.queued', subject: id, content: run }];
    case 'promotion.wave-opened':
      return entry.data.wave === 1 ? [{ type: 'pipelinerun.started', subject: id, content: run }] : [];
    case 'promotion.rollback-decided':
      return [incident('incident.detected', entry.data.because)];
    case 'promotion.kept':
      return [{ type: 'pipelinerun.finished', subject: id, content: { ...run, outcome: 'failure', errors: 'kept' } }];
    case 'promotion.ended': {
      const { result, because } = entry.data;
      const outcome = OUTCOME[result] ?? 'failure';
      const errors = outcome === 'success' ? {} : { errors: because };
      const finished: Said = { type: 'pipelinerun.finished', subject: id, content: { ...run, outcome, ...errors } };
      if (result === 'promoted')
        return [finished, { type: 'environment.modified', subject: environment, content: { name: environment } }];
      return result === 'rolled-back' ? [finished, incident('incident.resolved', because)] : [finished];
    }
    case 'undone.recorded': {
      const detected = incident('incident.detected', entry.data.because);
      // What is half way back is no service that was rolled back.
      const whole = entry.data.whole && entry.data.stopped === undefined;
      return whole ? [detected, ...service('service.rolledback', promotion.before[cell ?? ''])] : [detected];
    }
    case 'rollout.settled': {
      if (entry.data.result === 'undone') return service('service.rolledback', promotion.before[cell ?? '']);
      return entry.data.result === 'completed' ? service('service.upgraded', release) : [];
    }
    default:
      return [];
  }
}

/** A package URL: what CDEvents names artifacts by. */
function purl(application: string, release: ReleaseRef | undefined): string {
  if (release === undefined) return `pkg:generic/${application}`;
  const version = encodeURIComponent(release.version);
  return `pkg:generic/${application}@${version}?checksum=${encodeURIComponent(release.digest)}`;
}
