import { join } from 'node:path';
import { FILES, LONGEST_SOCKET_PATH, pgbackrestFolder } from './own-configuration.ts';
import { type PgBackRestConfig, repositoryText } from './pgbackrest-config.ts';

interface Declared {
  readonly stores: Readonly<
    Record<
      string,
      {
        readonly clusterDir: string;
        readonly port: number;
        readonly files: readonly unknown[];
        readonly pgbackrest?: PgBackRestConfig | undefined;
      }
    >
  >;
}

/** What of a cell's configuration can't be with pgBackRest, each with its place. */
export function pgbackrestProblems({ stores }: Declared): readonly string[] {
  const wrong: string[] = [];
  const places = new Map<string, string>();
  for (const [name, { clusterDir, port, files, pgbackrest }] of Object.entries(stores)) {
    if (pgbackrest === undefined) continue;
    const at = `stores.${name}`;
    if (files.length > 0)
      wrong.push(
        `${at}.files: pgBackRest keeps a database and no folders beside it; leave files out, or leave pgbackrest out`,
      );
    wrong.push(...socketProblems(at, clusterDir, port));
    const place = repositoryText(pgbackrest);
    if (places.has(place))
      wrong.push(`${at}.pgbackrest.stanza: ${places.get(place)} has the same one in the same repository`);
    places.set(place, at);
  }
  return wrong;
}

/** `at`: where in the configuration the cluster's folder stands. */
export function socketProblems(at: string, clusterDir: string, port: number): readonly string[] {
  const socket = join(pgbackrestFolder(clusterDir), FILES.socket, `.s.PGSQL.${port}`);
  if (Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH) return [];
  return [
    `${at}.clusterDir: ${socket} is longer than the ${LONGEST_SOCKET_PATH} bytes that a Unix socket's path may have; choose a shorter folder`,
  ];
}
