import type { StandbyLooks } from '@headgate/control/ports/standby-looks';
import type { PrincipalId, SeenStandby, ToldStandby } from '@headgate/domain';
import type { Sessions } from './sessions.ts';

/** A row as it is kept: one a cell, which every server writes. */
export interface StandbyRow {
  readonly cell: string;
  readonly at: number;
  readonly standbys: readonly ToldStandby[];
}

/** The last look at each cell's standbys, dated by the database. */
export class PostgresStandbyLooks implements StandbyLooks {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  async tell(cell: string, by: PrincipalId, told: readonly ToldStandby[]): Promise<void> {
    // Whoever has none has nothing to forget, either: most cells never get a row.
    if (told.length === 0)
      await this.#sessions.query(
        `update headgate.standby_look set told_by = $2, told_at = headgate.clock_ms(), standbys = '[]' where cell = $1`,
        [cell, by],
      );
    else
      await this.#sessions.query(
        `insert into headgate.standby_look (cell, told_by, told_at, standbys) values ($1, $2, headgate.clock_ms(), $3)
         on conflict (cell) do update set told_by = excluded.told_by, told_at = excluded.told_at, standbys = excluded.standbys`,
        [cell, by, JSON.stringify(told)],
      );
  }

  async of(cells: readonly string[]): Promise<ReadonlyMap<string, readonly SeenStandby[]>> {
    const { rows } = await this.#sessions.query<Omit<StandbyRow, 'at'> & { at: string }>(
      'select cell, told_at as at, standbys from headgate.standby_look where cell = any($1)',
      [cells],
    );
    return new Map(rows.map((row) => [row.cell, seenStandbys({ ...row, at: Number(row.at) })]));
  }
}

/** As it was seen, by the database's clock: what was told late was seen before it was told. */
export function seenStandbys({ cell, at, standbys }: StandbyRow): readonly SeenStandby[] {
  return standbys.map(({ ageMs, ...rest }) => ({ ...rest, cell, at: at - ageMs }));
}
