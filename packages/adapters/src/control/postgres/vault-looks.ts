import type { VaultLooks } from '@headgate/control/ports/vault-looks';
import { type Instant, type PrincipalId, type SeenVault, seenVault, type ToldVault } from '@headgate/domain';
import type { Sessions } from './sessions.ts';

interface VaultRow {
  readonly cell: string;
  readonly at: string;
  readonly vaults: readonly ToldVault[];
}

/** What was told last of the restore points of each cell's stores, dated by the database. */
export class PostgresVaultLooks implements VaultLooks {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  async tell(cell: string, by: PrincipalId, told: readonly ToldVault[]): Promise<Instant> {
    // Whoever has none has nothing to forget, either: a cell without a vault never gets a row.
    const write =
      told.length === 0
        ? `update headgate.vault_look set told_by = $2, told_at = headgate.clock_ms(), vaults = $3::json where cell = $1 returning 1`
        : `insert into headgate.vault_look as l (cell, told_by, told_at, vaults) values ($1, $2, headgate.clock_ms(), $3::json)
           on conflict (cell) do update set told_by = excluded.told_by, told_at = excluded.told_at, vaults = excluded.vaults returning 1`;
    const { rows } = await this.#sessions.query<{ now: string }>(
      `with w as (${write}) select headgate.clock_ms() as now`,
      [cell, by, JSON.stringify(told)],
    );
    return Number(rows[0]?.now);
  }

  async of(cells: readonly string[]): Promise<readonly SeenVault[]> {
    const { rows } = await this.#sessions.query<VaultRow>(
      'select cell, told_at as at, vaults from headgate.vault_look where cell = any($1) order by cell',
      [cells],
    );
    return rows.flatMap(({ cell, at, vaults }) => vaults.map((each) => seenVault(cell, each, Number(at))));
  }
}
