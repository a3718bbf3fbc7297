import type { MoveLooks } from '@headgate/control/ports/move-looks';
import type { VaultLooks } from '@headgate/control/ports/vault-looks';
import { type Instant, type PrincipalId, seenVault } from '@headgate/domain';
import type { Sessions } from './sessions.ts';

/** A table of one row a cell, and its column of what was told. They stand in SQL as they are: never from outside. */
interface Place<Told, Seen> {
  readonly table: string;
  readonly column: string;
  readonly seen: (cell: string, told: Told, at: Instant) => Seen;
}

/** What was told last of each cell, dated by the database: it takes the place of what was told before. */
class LastLooks<Told, Seen> {
  readonly #sessions: Sessions;
  readonly #place: Place<Told, Seen>;

  constructor(sessions: Sessions, place: Place<Told, Seen>) {
    this.#sessions = sessions;
    this.#place = place;
  }

  async tell(cell: string, by: PrincipalId, told: readonly Told[]): Promise<Instant> {
    const { table, column } = this.#place;
    // Whoever has none has nothing to forget, either: most cells never get a row.
    const write =
      told.length === 0
        ? `update headgate.${table} set told_by = $2, told_at = headgate.clock_ms(), ${column} = $3::json where cell = $1 returning 1`
        : `insert into headgate.${table} as l (cell, told_by, told_at, ${column}) values ($1, $2, headgate.clock_ms(), $3::json)
           on conflict (cell) do update set told_by = excluded.told_by, told_at = excluded.told_at, ${column} = excluded.${column} returning 1`;
    const { rows } = await this.#sessions.query<{ now: string }>(
      `with w as (${write}) select headgate.clock_ms() as now`,
      [cell, by, JSON.stringify(told)],
    );
    return Number(rows[0]?.now);
  }

  async of(cells: readonly string[]): Promise<readonly Seen[]> {
    const { table, column, seen } = this.#place;
    const { rows } = await this.#sessions.query<{ cell: string; at: string; told: readonly Told[] }>(
      `select cell, told_at as at, ${column} as told from headgate.${table} where cell = any($1) order by cell`,
      [cells],
    );
    return rows.flatMap(({ cell, at, told }) => told.map((each) => seen(cell, each, Number(at))));
  }
}

/** Of data that is moved. */
export const moveLooks = (sessions: Sessions): MoveLooks =>
  new LastLooks(sessions, { table: 'move_look', column: 'moves', seen: (cell, told, at) => ({ ...told, cell, at }) });

/** Of the restore points of each cell's stores. */
export const vaultLooks = (sessions: Sessions): VaultLooks =>
  new LastLooks(sessions, { table: 'vault_look', column: 'vaults', seen: seenVault });
