import type { PinsOfCell } from '@headgate/contract';
import { type CellRecord, inForceNow, type Row, stillHeard, toldOf } from '@headgate/control';
import { type AgentPins, type Digest, objectionsInForce, type RestsOn } from '@headgate/domain';
import type { Context } from '../context.ts';
import type { Handlers, Shown } from '../handler.ts';
import { missingEnvironment } from '../missing-environment.ts';
import { beginning, pageOfRows } from '../paging.ts';
import { nameOf } from '../views.ts';

/** What agents say that they hold, beside what is in force. */
export function pinHandlers({ deps }: Context): Handlers<'listPins'> {
  const { store } = deps;
  return {
    async listPins({ input }) {
      const { environment, prefix } = input;
      const only = { ...beginning('cell', prefix), ...(environment !== undefined && { facet: environment }) };
      const page = await pageOfRows(store, 'cell', input, only);
      if (!page.ok) return page;
      const rows = page.value.rows as readonly Row<CellRecord>[];
      const missing = rows.length === 0 ? await missingEnvironment(store, 'list pins', environment) : undefined;
      if (missing !== undefined) return missing;
      const heard = await stillHeard(
        store,
        rows.flatMap(({ state }) => state.observed?.by ?? []),
      );
      // Of a thousand cells of one environment they are the same.
      const inForce = new Map<string, Promise<RestsOn | undefined>>();
      const restsOn = (application: string, where: string): Promise<RestsOn | undefined> => {
        const key = `${application}/${where}`;
        const known = inForce.get(key) ?? inForceNow(store, application, where);
        inForce.set(key, known);
        return known;
      };
      const items = await Promise.all(rows.map(({ stream, state }) => shown(nameOf(stream), state, heard, restsOn)));
      return { ok: true, value: { items: items.flat(), next: page.value.next } };
    },
  };
}

async function shown(
  cell: string,
  record: CellRecord,
  heard: ReadonlySet<string>,
  restsOn: (application: string, environment: string) => Promise<RestsOn | undefined>,
): Promise<readonly Shown<PinsOfCell>[]> {
  const { desired, observed } = record;
  const state = desired ?? observed?.state;
  if (state === undefined) return [];
  const { environment, application } = state;
  const own = observed !== undefined && heard.has(observed.by) ? observed : undefined;
  const told = own && toldOf(cell, record);
  const inForce = await restsOn(application, environment);
  return [
    {
      cell,
      environment,
      application,
      agent: own?.by ?? null,
      at: observed?.at ?? null,
      told: told?.pins ?? null,
      inForce: inForce ?? null,
      objections: told === undefined || inForce === undefined ? [] : objectionsInForce(told, inForce),
    },
  ];
}

/** What an agent holds, as it says it beside an observation; undefined: it is of before agents said so. */
export function pinsOf(told: {
  readonly policy?: string;
  readonly documents?: string;
  readonly signed?: 'true' | 'false';
}): AgentPins | undefined {
  const { policy, documents, signed } = told;
  if (policy === undefined || documents === undefined) return undefined;
  return {
    ...(policy !== 'any' && { policyDigest: policy as Digest }),
    ...(documents !== 'any' && { documents: heldDocuments(documents) }),
    ...(signed === 'true' && { signedApprovals: true as const }),
  };
}

function heldDocuments(text: string): readonly Digest[] | 'many' {
  if (text === 'many') return 'many';
  return text === 'none' ? [] : (text.split(',') as Digest[]);
}
