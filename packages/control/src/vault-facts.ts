/** What gates judge of what lies in vaults: asked only where the plan has the gate, and only of what it migrates. */
import type { GateFacts, Plan } from '@headgate/domain';
import { restoreDrilled } from '@headgate/domain/gates/restore-drilled';
import type { VaultLooks } from './ports/vault-looks.ts';

/** The gates' facts with what agents saw of the restore points of a plan's cells, or of one of them. */
export async function withVaults(
  facts: GateFacts,
  { gates, cells }: Pick<Plan, 'gates' | 'cells'>,
  looks: VaultLooks | undefined,
  cell?: string,
): Promise<GateFacts> {
  if (looks === undefined || !gates.some(({ gate }) => gate === restoreDrilled.name)) return facts;
  const asked = cells.map((each) => each.cell).filter((each) => cell === undefined || each === cell);
  return { ...facts, vaults: await looks.of(asked) };
}
