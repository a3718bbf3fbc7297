import type { StandbyLooks } from '@headgate/control/ports/standby-looks';
import type { Instant, PrincipalId, SeenStandby, ToldStandby } from '@headgate/domain';
import type { Sessions } from './sessions.ts';

/** A row as it is kept: one a cell, which every server writes. */
export interface StandbyRow {
  readonly cell: string;
  readonly at: number;
  readonly standbys: readonly ToldStandby[];
}

/** What was held up on its way takes nobody's place; what was told at a moment that is still to come, since a clock was set, does. */
const LATER = (told: string): string => `(${told} >= l.told_at or l.told_at > headgate.clock_ms())`;

/** The last look at each cell's standbys, dated by the database. */
export class PostgresStandbyLooks implements StandbyLooks {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  async tell(
    cell: string,
    by: PrincipalId,
    told: readonly ToldStandby[],
    notAfter = Number.MAX_SAFE_INTEGER,
  ): Promise<Instant> {
    // Whoever has none has nothing to forget, either: most cells never get a row.
    const write =
      told.length === 0
        ? `update headgate.standby_look l set told_by = $2, told_at = c.told, standbys = $4::json from c
           where l.cell = $1 and ${LATER('c.told')} returning 1`
        : `insert into headgate.standby_look as l (cell, told_by, told_at, standbys) select $1::text, $2::text, c.told, $4::json from c
           on conflict (cell) do update set told_by = excluded.told_by, told_at = excluded.told_at, standbys = excluded.standbys
           where ${LATER('excluded.told_at')} returning 1`;
    const { rows } = await this.#sessions.query<{ now: string }>(
      `with c as (select least(headgate.clock_ms(), $3::bigint) as told), w as (${write})
       select headgate.clock_ms() as now`,
      [cell, by, notAfter, JSON.stringify(told)],
    );
    return Number(rows[0]?.now);
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
