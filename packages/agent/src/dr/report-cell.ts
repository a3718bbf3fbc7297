/** Tells the log of a cell that was rebuilt, in an exercise or for good. */
import type { Digest, ExercisedStep, ExercisedStore, Instant } from '@headgate/domain';
import { reportRestoration } from '../restoration/report-restoration.ts';
import { tenantsIn } from '../restoration/tenants-in.ts';
import type { DrAsk } from './ask.ts';

export interface RebuiltCell {
  readonly kind: 'exercise' | 'rebuild';
  /** The plan. */
  readonly subject: Digest;
  readonly startedAt: Instant;
  readonly at: Instant;
  readonly stores: readonly Pick<ExercisedStore, 'store' | 'point' | 'schema'>[];
  /** Names of steps that aren't done; empty: none is. */
  readonly failed: string;
  readonly ok: boolean;
  readonly by?: string;
  readonly because?: string;
  readonly statement?: Digest;
  readonly rtoMs?: number | undefined;
}

const MOMENT = {
  process: 'the newest restore point of each store, and its log from there on',
  odoo: 'the newest restore point of each tenant',
} as const;

export async function reportCell({ config, cell, say }: DrAsk, rebuilt: RebuiltCell): Promise<void> {
  const { stores, failed, ok, by, because, rtoMs, ...rest } = rebuilt;
  const statement = rest.statement === undefined ? {} : { statement: rest.statement };
  await reportRestoration({
    ...{ config, keyFile: cell.vault.keyFile, say },
    facts: {
      ...{
        kind: rest.kind,
        environment: cell.environment,
        cell: cell.cell,
        moment: MOMENT[cell.kind],
        ...tenantsIn(cell),
      },
      stores: stores.map(({ store, point, schema }) => ({
        ...{ store, point },
        ...(schema !== undefined && { schemaVersion: schema }),
      })),
      ...{ subject: rest.subject, approvals: [], startedAt: rest.startedAt, at: rest.at, ...statement },
      ...(by !== undefined && { by }),
      ...(because !== undefined && { because }),
      ...(rtoMs !== undefined && { rtoMs: Math.round(rtoMs) }),
      ...(ok
        ? { result: 'done' }
        : { result: 'failed', failed: failed === '' ? 'what was compared or checked' : failed }),
    },
  });
}

export function failedOf(steps: readonly ExercisedStep[]): string {
  return steps.flatMap(({ id, failed }) => (failed === undefined ? [] : [id])).join(', ');
}
