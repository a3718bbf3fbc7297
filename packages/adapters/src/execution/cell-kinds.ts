/**
 * The kinds of cells that an agent can hold: how their configuration reads, and how they are opened. Adding one is a
 * folder of its own and a line here; a configuration that names no kind is one of processes.
 */
import type { z } from 'zod';
import { type CellPorts, openCell } from './cell.ts';
import { CellConfig, parseCellConfig } from './cell-config.ts';
import { OdooCellConfig, parseOdooCellConfig } from './odoo/odoo-cell-config.ts';

export type AnyCellConfig = CellConfig | OdooCellConfig;

export interface CellKind<Config extends AnyCellConfig> {
  readonly form: z.ZodType<Config>;
  /** Throws an error with a line for each part that doesn't fit another. */
  parse(input: unknown): Config;
  open(config: Config, report: (event: string) => void): Promise<CellPorts>;
}

/** What only one kind needs is loaded with the first cell of it. */
async function openOdooCell(config: OdooCellConfig, report: (event: string) => void): Promise<CellPorts> {
  return (await import('./odoo/odoo-cell.ts')).openOdooCell(config, report);
}

const process: CellKind<CellConfig> = { form: CellConfig, parse: parseCellConfig, open: openCell };
const odoo: CellKind<OdooCellConfig> = { form: OdooCellConfig, parse: parseOdooCellConfig, open: openOdooCell };

export const CELL_KINDS = { process, odoo } as const;
export type CellKindName = keyof typeof CELL_KINDS;

/** The kind that a configuration names; `undefined`: there is none of that name. */
export function cellKind(input: unknown): CellKind<AnyCellConfig> | undefined {
  const named = typeof input === 'object' && input !== null && 'kind' in input ? input.kind : 'process';
  if (typeof named !== 'string' || !Object.hasOwn(CELL_KINDS, named)) return undefined;
  return CELL_KINDS[named as CellKindName] as unknown as CellKind<AnyCellConfig>;
}

/** Opens a cell of any kind. */
export function openAnyCell(config: AnyCellConfig, report: (event: string) => void): Promise<CellPorts> {
  return config.kind === 'odoo' ? openOdooCell(config, report) : openCell(config, report);
}
