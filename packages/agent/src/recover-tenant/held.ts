/** Whether a tenant is held for writes by its cell's router, and holding it for as long as something is done. */
import type { CellConfig } from '@headgate/adapters/execution/cell-config';
import { type HeldTenant, holdTenant } from '@headgate/adapters/execution/router/lent-hold';
import { LENT_MS } from '@headgate/adapters/execution/router/lent-holds';
import { RouterClient } from '@headgate/adapters/execution/router/router-client';
import type { Fence } from '@headgate/domain';
import { MarksFile } from '../marks/marks-file.ts';

/** The newest token that was acted on in a cell. */
export async function newestFence(dataDir: string, cell: string): Promise<Fence> {
  const { cells, epoch } = (await MarksFile.open(dataDir)).marks;
  return (Object.hasOwn(cells, cell) ? cells[cell] : undefined) ?? { epoch, n: 0 };
}

/** Never throws: where there is no router that holds it, it says why. */
export function holdIn({ router, cell }: CellConfig, tenant: string, dataDir: string): Promise<HeldTenant> {
  return holdTenant(new RouterClient(router.adminPort, router.tokenFile), tenant, () => newestFence(dataDir, cell));
}

/** What is said before anything is done. */
export function heldLines(tenant: string, hold: HeldTenant): readonly string[] {
  if (!hold.held) return [`${tenant} isn’t held (${hold.why}): what it writes meanwhile waits, or has this refused.`];
  return [
    `${tenant} is held: the router answers what may change something with 503 until this is over, and for ${LENT_MS / 1_000} s more at most if this is killed.`,
    ...(hold.running > 0 ? [`${hold.running} of its requests still run, and may have this refused.`] : []),
  ];
}

/** Whether its writes are turned away now, by anybody's hold. */
export async function isHeld({ router }: CellConfig, tenant: string): Promise<boolean> {
  const table = await new RouterClient(router.adminPort, router.tokenFile).table().catch(() => undefined);
  return table !== undefined && [...table.held, ...table.lent].includes(tenant);
}

/** What a difference is worth while its tenant may write on. `place`: as its options find the store. */
export function writingLines(
  tenant: string,
  written: readonly string[],
  held: boolean,
  { config, store, cell }: { readonly config: string; readonly store: string; readonly cell: string },
): readonly string[] {
  const hold = `headgate-agent recover-tenant hold --config ${config} --store ${store} --cell ${cell} --tenant ${tenant}`;
  if (written.length > 0)
    return [
      '',
      `${tenant} wrote on while this was made (${written.join(', ')}): it can’t be applied any more. Hold it first, and make it anew:`,
      `  ${hold}`,
    ];
  return held
    ? []
    : ['', `${tenant} isn’t held: a row of its that is written from now on has this refused. To hold it:`, `  ${hold}`];
}
