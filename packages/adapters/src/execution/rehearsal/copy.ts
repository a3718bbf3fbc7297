import type { CopyOrigin } from '@headgate/domain/rehearsal/rehearsal';
import type pg from 'pg';
import { lookAtSchema } from '../store/store-schema.ts';
import type { Store } from '../store/store-session.ts';

/** A copy of a store, which is there until it is removed. */
export interface Copy {
  readonly store: Store;
  readonly origin: CopyOrigin;
  /** Version of its schema, as our record says it; undefined: there is no record. */
  readonly schemaVersion: number | undefined;
  /** From the beginning until it could be used. Milliseconds. */
  readonly readyMs: number;
  remove(): Promise<void>;
}

/**
 * Version of the schema that our record in a database says; undefined: it has none, or what is
 * called so isn't ours.
 */
export async function recordedVersion(client: pg.ClientBase): Promise<number | undefined> {
  const schema = await lookAtSchema(client);
  if (schema === undefined || schema.foreign !== undefined) return undefined;
  const { rows: there } = await client.query<{ there: boolean }>(
    `select to_regclass('headgate.migration') is not null as there`,
  );
  if (there[0]?.there !== true) return undefined;
  const { rows } = await client.query<{ version: number }>(
    'select coalesce(max(version), 0)::int as version from headgate.migration',
  );
  return rows[0]?.version;
}
