import type pg from 'pg';

/**
 * Temporary files of a session: the server says of each, when it is removed, how large it was (`log_temp_files`, which
 * only a superuser sets for a login; to hear it, `client_min_messages` is `log`).
 */
export class TempFiles {
  readonly #client: pg.Client;
  readonly #hear: (notice: { readonly message?: string | undefined }) => void;
  readonly #told: boolean;
  #bytes = 0;

  private constructor(client: pg.Client, told: boolean) {
    this.#client = client;
    this.#told = told;
    this.#hear = ({ message = '' }) => {
      const size = /^temporary file: path ".*", size (\d+)$/.exec(message)?.[1];
      if (size !== undefined) this.#bytes += Number(size);
    };
    client.on('notice', this.#hear);
  }

  /** Listens; looks first whether the server tells at all. */
  static async of(client: pg.Client): Promise<TempFiles> {
    const { rows } = await client.query<{ told: boolean }>(
      `select pg_catalog.current_setting('log_temp_files') = '0' and pg_catalog.current_setting('client_min_messages') = 'log' as told`,
    );
    return new TempFiles(client, rows[0]?.told === true);
  }

  /** Bytes since the last call; undefined: nobody tells us. */
  take(): number | undefined {
    const bytes = this.#bytes;
    this.#bytes = 0;
    return this.#told ? bytes : undefined;
  }

  end(): void {
    this.#client.off('notice', this.#hear);
  }
}
