/** Where a cluster stands and how it is reached. */
export interface ClusterConfig {
  /** Folder of the cluster: `data` (PostgreSQL's), `password` (the superuser's, 0600), `server.log`. */
  readonly dir: string;
  /** On 127.0.0.1. */
  readonly port: number;
  /** Folder for archived WAL; without it nothing is archived and no restore point can be taken. */
  readonly archiveDir?: string;
  /** Further settings of postgresql.conf, over ours. */
  readonly settings?: Readonly<Record<string, string>>;
}
