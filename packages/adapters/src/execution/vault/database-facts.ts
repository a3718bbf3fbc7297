import { join } from 'node:path';
import type { SealedPoint } from '@headgate/documents';
import { readIfThere } from '../../machine/durable-file.ts';
import { timelineOf } from '../../postgres-cluster/timelines.ts';
import type { PointContents } from './point-contents.ts';

/** What a restore point says of the database that it is of. A physical one holds PostgreSQL's own word for its version. */
export async function databaseFacts(dir: string, contents: PointContents): Promise<SealedPoint['database']> {
  const { source, startLsn, stopLsn, startWal, systemIdentifier } = contents;
  if (source !== undefined) {
    const [, name = 'pg_dump', version = source.tool] = /^(\S+) .*?(\d[\w.]*)/.exec(source.tool) ?? [];
    return {
      form: 'dump',
      major: Number.parseInt(source.server, 10),
      tool: { name, version },
      ...(source.lsn !== null && { lsn: { start: source.lsn } }),
    };
  }
  const major = await readIfThere(join(dir, 'data', 'PG_VERSION'));
  if (major === undefined)
    throw new Error(`The restore point ${contents.id} doesn't say what it was taken with: it is of an older Headgate`);
  return {
    form: 'physical',
    major: Number.parseInt(major, 10),
    tool: { name: 'pg_backup_start', version: major.trim() },
    ...(startLsn !== undefined && { lsn: { start: startLsn, ...(stopLsn !== undefined && { stop: stopLsn }) } }),
    ...(systemIdentifier !== undefined && { systemIdentifier }),
    ...(startWal !== undefined && { timeline: timelineOf(startWal) }),
  };
}
