import type { MoveLooks } from '@headgate/control/ports/move-looks';
import type { Instant, PrincipalId, SeenMove, ToldMove } from '@headgate/domain';
import type { Sessions } from './sessions.ts';

interface MoveRow {
  readonly cell: string;
  readonly at: string;
  readonly moves: readonly ToldMove[];
}

/** What was told last of each cell's moves, dated by the database. */
export class PostgresMoveLooks implements MoveLooks {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  async tell(cell: string, by: PrincipalId, told: readonly ToldMove[]): Promise<Instant> {
    const json = JSON.stringify(told);
    const values = [cell, by, json];
    // Whoever has none has nothing to forget, either: most cells never get a row.
    const write =
      told.length === 0
        ? `update headgate.move_look set told_by = $2, told_at = headgate.clock_ms(), moves = $3::json where cell = $1 returning 1`
        : `insert into headgate.move_look as l (cell, told_by, told_at, moves) values ($1, $2, headgate.clock_ms(), $3::json)
           on conflict (cell) do update set told_by = excluded.told_by, told_at = excluded.told_at, moves = excluded.moves returning 1`;
    const { rows } = await this.#sessions.query<{ now: string }>(
      `with w as (${write}) select headgate.clock_ms() as now`,
      values,
    );
    return Number(rows[0]?.now);
  }

  async of(cells: readonly string[]): Promise<readonly SeenMove[]> {
    const { rows } = await this.#sessions.query<MoveRow>(
      'select cell, told_at as at, moves from headgate.move_look where cell = any($1) order by cell',
      [cells],
    );
    return rows.flatMap(({ cell, at, moves }) => moves.map((each) => ({ ...each, cell, at: Number(at) })));
  }
}
