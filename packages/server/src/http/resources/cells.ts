import { adoptCell, type CellRecord, type Deps, notFound, type Result, streams } from '@headgate/control';
import { checkManifest, MAX_MANIFEST_BYTES } from '@headgate/documents';
import type { Hypercare, Refusal, ReleaseManifest } from '@headgate/domain';
import type { Context } from '../context.ts';
import type { Handlers, Shown } from '../handler.ts';
import { beginning, pageOfRows } from '../paging.ts';
import { shownVaults } from '../vaults.ts';
import { nameOf, showCell } from '../views.ts';

export function cellHandlers({ deps }: Context): Handlers<'listCells' | 'showCell' | 'adoptCell' | 'showHypercare'> {
  const { store } = deps;
  async function load(name: string): Promise<CellRecord | undefined> {
    const stream = streams.cell(name);
    return (await store.load([stream])).get(stream)?.state as CellRecord | undefined;
  }
  return {
    async listCells({ principal, input }) {
      const { environment, prefix } = input;
      const only = { ...beginning('cell', prefix), ...(environment !== undefined && { facet: environment }) };
      const page = await pageOfRows(store, 'cell', input, only);
      if (!page.ok) return page;
      const items = page.value.rows.map((row) =>
        showCell(deps, nameOf(row.stream), row.state as CellRecord, principal),
      );
      return { ok: true, value: { items, next: page.value.next } };
    },
    async showCell({ principal, input }) {
      const record = await load(input.cell);
      if (record === undefined) return notFound('show a cell', streams.cell(input.cell));
      const vaults = await shownVaults({ deps }, [input.cell], await store.now());
      return { ok: true, value: { ...showCell(deps, input.cell, record, principal), vaults: vaults.items } };
    },
    async adoptCell({ principal, input, body }) {
      const record = await load(input.cell);
      const sent = body.manifests.map((value, i) => ({ value, where: `body/manifests/${i}` }));
      const found = record === undefined ? [] : await uploaded(deps, record);
      const manifests = checked([...sent, ...found]);
      if (!manifests.ok) return manifests;
      const adopted = await adoptCell(deps, principal, input.cell, manifests.value);
      if (!adopted.ok) return adopted;
      const after = (await load(input.cell)) as CellRecord;
      return { ok: true, value: showCell(deps, input.cell, after, principal) };
    },
    async showHypercare({ input }) {
      const stream = streams.hypercare(input.environment);
      const state = (await store.load([stream])).get(stream)?.state as Hypercare | undefined;
      if (state === undefined) return notFound('show a hypercare', stream);
      return { ok: true, value: state as unknown as Shown<never> };
    },
  };
}

/** A manifest, and where it came from. */
interface Sent {
  readonly value: unknown;
  readonly where: string;
}

function noManifest(where: string): Refusal {
  return {
    code: 'manifest-malformed',
    what: 'adopt a cell',
    where,
    why: 'the agent named it as the manifest of a release that runs there, and it is no JSON',
    unblock: 'correct what the agent tells of the cell, and let it look again',
  };
}

/** Manifests of what runs there, as its agent uploaded them; whether they are these releases is told by their digest. */
async function uploaded({ blobs }: Deps, record: CellRecord): Promise<readonly Sent[]> {
  const running = Object.values(record.observed?.state.slots ?? {}).flatMap((slot) => slot.release?.digest ?? []);
  const found: Sent[] = [];
  for (const digest of new Set(running)) {
    // What is larger is no manifest, whatever an agent calls it.
    const piece = await blobs.piece(digest, 0, MAX_MANIFEST_BYTES);
    if (piece !== undefined && piece.total <= MAX_MANIFEST_BYTES)
      found.push({ value: parsed(Buffer.from(piece.bytes).toString('utf8')), where: `blob/${digest}` });
  }
  return found;
}

/** Undefined: it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function checked(values: readonly Sent[]): Result<readonly ReleaseManifest[]> {
  const manifests: ReleaseManifest[] = [];
  const refusals: Refusal[] = [];
  for (const { value, where: from } of values) {
    if (value === undefined) {
      refusals.push(noManifest(from));
      continue;
    }
    const manifest = checkManifest(value);
    if (manifest.ok) manifests.push(manifest.manifest);
    else {
      const { code, what, where, why, unblock } = manifest;
      refusals.push({ code, what, where: `${from}${where}`, why, unblock });
    }
  }
  return refusals.length > 0 ? { ok: false, refusals } : { ok: true, value: manifests };
}
