import type { ApplicationSpec, CalendarSpec, DocumentRef, EnvironmentSpec, PolicySpec } from '@headgate/domain';
import { noEnvironment } from './declared-environments.ts';
import type { ControlStore, Row, StreamId } from './ports/store.ts';
import type { DocumentRecord } from './records.ts';
import { streams } from './records.ts';

/** The documents that a promotion to one environment rests on, with the rows that they came from. */
export interface Declared {
  readonly application: ApplicationSpec;
  readonly environment: EnvironmentSpec;
  readonly policy: PolicySpec;
  readonly policyDigest: DocumentRef['digest'];
  readonly calendars: readonly CalendarSpec[];
  readonly rows: readonly Row[];
}

export type Found =
  | { readonly ok: true; readonly declared: Declared }
  | { readonly ok: false; readonly missing: StreamId; readonly because: string; readonly unblock: string };

/** Loads what an environment's promotions rest on; says which document is missing and who names it. */
export async function loadDeclared(store: ControlStore, application: string, environment: string): Promise<Found> {
  const first = await store.load([
    streams.document('Application', application),
    streams.document('Environment', environment),
  ]);
  const applicationRow = first.get(streams.document('Application', application));
  const environmentRow = first.get(streams.document('Environment', environment));
  if (applicationRow === undefined) return missing('Application', application, 'the release names it');
  if (environmentRow === undefined)
    return missing(
      'Environment',
      environment,
      await noEnvironment(store, environment),
      'name one of them, or declare it: headgate apply -f FILE',
    );
  const app = (applicationRow.state as DocumentRecord).spec as Omit<
    ApplicationSpec,
    'name' | 'verification' | 'reconciliation'
  > & { verification: string; reconciliation?: string };
  const env = (environmentRow.state as DocumentRecord).spec as Omit<EnvironmentSpec, 'name'>;
  const wanted = [
    streams.document('Policy', env.policy),
    streams.document('Verification', app.verification),
    ...(app.reconciliation === undefined ? [] : [streams.document('Reconciliation', app.reconciliation)]),
    ...env.calendars.map((name) => streams.document('Calendar', name)),
  ];
  const second = await store.load(wanted);
  for (const stream of wanted) {
    if (!second.has(stream)) {
      const [, kind, name] = stream.split('/');
      return missing(kind ?? '', name ?? '', `Environment/${environment} or Application/${application} names it`);
    }
  }
  const record = (kind: string, name: string): DocumentRecord =>
    second.get(streams.document(kind, name))?.state as DocumentRecord;
  const reference = (kind: string, name: string): DocumentRef => ({ name, digest: record(kind, name).digest });
  const policy = record('Policy', env.policy);
  return {
    ok: true,
    declared: {
      application: {
        ...app,
        name: application,
        verification: reference('Verification', app.verification),
        ...(app.reconciliation === undefined
          ? {}
          : { reconciliation: reference('Reconciliation', app.reconciliation) }),
      } as ApplicationSpec,
      environment: { ...env, name: environment },
      policy: { ...(policy.spec as Omit<PolicySpec, 'name'>), name: env.policy },
      policyDigest: policy.digest,
      calendars: env.calendars.map((name) => ({
        ...(record('Calendar', name).spec as Omit<CalendarSpec, 'name'>),
        name,
      })),
      rows: [applicationRow, environmentRow, ...second.values()],
    },
  };
}

function missing(kind: string, name: string, because: string, unblock = 'apply it'): Found {
  return { ok: false, missing: streams.document(kind, name), because, unblock };
}
