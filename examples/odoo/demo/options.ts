import { join } from 'node:path';
import { type DemoOptions, parseOptions } from '@headgate/example-psa/demo/options.ts';
import type { Failing } from '../bring-up/example-cells.ts';

const MORE = `  --failing WHICH      which production tenant 19.0.3 breaks, in the order of upgrading: first (default) or third

  Here --data is ./.headgate/odoo unless it is given.
`;

export type OdooOptions =
  | { readonly ok: true; readonly options: DemoOptions; readonly failing: Failing }
  | { readonly ok: false; readonly text: string; readonly code: number };

/** The options of all demonstrations, and which tenant fails. */
export function odooOptions(argv: readonly string[], cwd: string): OdooOptions {
  const rest = [...argv];
  const at = rest.findIndex((word) => word === '--failing' || word.startsWith('--failing='));
  const words = at < 0 ? [] : rest.splice(at, rest[at] === '--failing' ? 2 : 1);
  const failing = words.length === 0 ? 'first' : (words[1] ?? words[0]?.split('=')[1]);
  const command = 'npm run example:odoo --';
  if (failing !== 'first' && failing !== 'third')
    return { ok: false, text: `--failing takes first or third, found "${failing ?? ''}"`, code: 2 };
  // A folder of its own: the other demonstration's control plane knows nothing of Odoo.
  if (!rest.some((word) => word === '--data' || word.startsWith('--data=')))
    rest.push('--data', join(cwd, '.headgate', 'odoo'));
  const parsed = parseOptions(rest, cwd, command, MORE);
  return parsed.ok ? { ...parsed, failing } : parsed;
}
