import { runAs } from '@headgate/adapters/machine/run-as';
import type { Programs } from '@headgate/adapters/postgres-cluster/programs';
import type { OdooParts } from '../parts/index.ts';

/** Debian's PostgreSQL 15, whose pg_dump fits the server since both come from one package. */
export function debianPrograms({ postgresql }: OdooParts): Programs {
  return { major: 15, version: postgresql.version, bin: postgresql.bin, user: runAs() };
}
