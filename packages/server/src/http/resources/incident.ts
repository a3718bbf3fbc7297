import { type DocumentRecord, type FreezeRecord, type Row, refuse, streams } from '@headgate/control';
import { decodeEntry } from '@headgate/documents/log/entry';
import {
  type AffectedTenant,
  heldRank,
  type Incident,
  type Instant,
  incidentOf,
  type Matter,
  type Principal,
  resultWords,
  toldTakenBack,
  whomToCall,
} from '@headgate/domain';
import type { Context } from '../context.ts';
import { freezesOver, showFreeze } from '../freezes-over.ts';
import type { Handlers, Shown } from '../handler.ts';
import { declaredContacts } from '../incident/declared-contacts.ts';
import { type Told, toldOf } from '../incident/entries.ts';
import { type Gathered, gatherIncident } from '../incident/gather.ts';
import { type Since, tellPromotion } from '../incident/promotion-matter.ts';
import { reconciledLately } from '../incident/reconciled-lately.ts';
import { restoredLately } from '../incident/restored-lately.ts';
import { missingEnvironment } from '../missing-environment.ts';
import { allRows, PAGE } from '../paging.ts';
import { shownStandbys } from '../standbys.ts';
import { shownVaults } from '../vaults.ts';
import { nameOf } from '../views.ts';
import { freezeActions } from './freezes.ts';

/** What one look tells; the counts are of all. */
const MOST = {
  matters: 50,
  promotions: 10,
  cells: 20,
  /** Matters of cells whose entries are read, and how many of each: most say only that it was looked at. */
  cellMatters: 6,
  cellEntries: 40,
  told: 10,
  changes: 20,
  freezes: 1_000,
};

export function incidentHandlers(context: Context): Handlers<'showIncident' | 'listIncidentTenants'> {
  const { deps } = context;

  async function look(input: { readonly hours: number; readonly environment?: string }) {
    const now = await deps.store.now();
    const gathered = await gatherIncident(context, now, input);
    const { cells, promotions, alarms } = gathered.facts;
    const empty = cells.length + promotions.length + alarms.length + gathered.ended.length === 0;
    // Of what isn't there nothing is ever known to be wrong: at night that must not pass for an answer.
    const missing = empty ? await missingEnvironment(deps.store, 'look at an incident', input.environment) : undefined;
    return { now, gathered, incident: incidentOf(gathered.facts), missing };
  }

  return {
    async showIncident({ principal, input }) {
      const { now, gathered, incident, missing } = await look(input);
      if (missing !== undefined) return missing;
      const { matters, tenants } = incident;
      const told = await tellMatters(context, principal, gathered, matters.slice(0, MOST.matters), now);
      const held = tenants.filter((t) => t.held === true);
      const declared = await declaredContacts(context, matters, held);
      const { dataLossAsked, since } = told;
      const { calls, unknown } = whomToCall({ matters, held, declared, dataLossAsked });
      const { rows } = await allRows<FreezeRecord>(deps.store, 'freeze', MOST.freezes);
      const freezes = rows.flatMap((row) =>
        row.state.freezes.filter((f) => f.to > now).map((f) => showFreeze(nameOf(row.stream), f)),
      );
      const reconciled = await reconciledLately(deps.store, gathered.facts.since, input.environment);
      const restored = await restoredLately(deps.store, gathered.facts.since, input.environment);
      const cells = gathered.facts.cells.map(({ cell }) => cell);
      const standbys = await shownStandbys(context, cells, now);
      const vaults = await shownVaults(context, cells, now, true);
      const page = tenants.slice(0, PAGE);
      const { freeze } = freezeActions(principal);
      const unread = [...gathered.unread, ...reconciled.unread, ...restored.unread];
      const truncated = unread.length > 0 || standbys.truncated || vaults.truncated || matters.length > MOST.matters;
      return {
        ok: true,
        value: {
          at: now,
          since: gathered.facts.since,
          summary: summaryOf(incident, input.hours, underWay(gathered).length, gathered.unread),
          counts: {
            matters: matters.length,
            tenants: tenants.length,
            held: held.length,
            cells: new Set(tenants.map((t) => t.cell)).size,
          },
          matters: told.matters,
          tenants: { items: await showTenants(context, page, since), next: nextOf(tenants, page) },
          calls,
          underWay: underWay(gathered).slice(0, MOST.changes),
          changes: changesOf(gathered),
          reconciled: reconciled.items,
          restored: restored.items,
          standbys: standbys.items,
          vaults: vaults.items,
          freezes,
          unknown: [
            ...incident.unknown,
            ...unknown,
            ...unread.map((what) => `There is more than one look reads: ${what} aren’t counted.`),
          ],
          actions: { freeze },
          truncated,
        } as Shown<never>,
      };
    },
    async listIncidentTenants({ input }) {
      const after = input.cursor === undefined ? undefined : Buffer.from(input.cursor, 'base64url').toString('utf8');
      if (after !== undefined && !/^[012] [a-z0-9-]{1,63}\/[a-z0-9-]{1,63}$/.test(after))
        return refuse(
          'malformed',
          'list',
          'query/cursor',
          'it is not a cursor of this list',
          'take `next` of the page before',
        );
      const { incident, missing } = await look(input);
      if (missing !== undefined) return missing;
      const { held, prefix } = input;
      const all = incident.tenants
        .filter((t) => held === undefined || t.held === (held === 'true'))
        .filter((t) => prefix === undefined || t.tenant.startsWith(prefix));
      const rest = after === undefined ? all : all.filter((t) => keyOf(t) > after);
      const page = rest.slice(0, input.limit ?? PAGE);
      return { ok: true, value: { items: await showTenants(context, page, new Map()), next: nextOf(rest, page) } };
    },
  };
}

interface ToldMatters {
  readonly matters: readonly Shown<never>[];
  readonly since: ReadonlyMap<string, Since>;
  readonly dataLossAsked: ReadonlySet<string>;
}

async function tellMatters(
  context: Context,
  principal: Principal,
  { facts }: Gathered,
  matters: readonly Matter[],
  now: Instant,
): Promise<ToldMatters> {
  const { promotions } = facts;
  const byId = new Map(promotions.map((each) => [each.promotion.id, each]));
  const over = await freezesOver(
    context.deps.store,
    promotions.map((each) => each.promotion),
    now,
  );
  const since = new Map<string, Since>();
  const dataLossAsked = new Set<string>();
  const shown: Shown<never>[] = [];
  let left = MOST.promotions;
  const ofCells = await entriesOfCells(context, matters);
  for (const matter of matters) {
    const { cells, promotion: id, ...rest } = matter;
    const involved = id === undefined || matter.kind === 'alarmed' ? undefined : byId.get(id);
    let promotion: Shown<never> | null = null;
    let entries: readonly Told[] = [];
    if (involved !== undefined && left-- > 0) {
      const told = await tellPromotion(context, principal, involved, now, over(involved.promotion));
      promotion = told.shown;
      entries = told.entries;
      for (const [tenant, moved] of told.since) if (moved.at > (since.get(tenant)?.at ?? 0)) since.set(tenant, moved);
      if (told.asksDataLoss) dataLossAsked.add(matter.environment);
    } else entries = ofCells.get(matter.key) ?? [];
    shown.push({
      ...rest,
      cells: cells.slice(0, MOST.cells),
      cellCount: cells.length,
      promotion,
      entries,
    } as Shown<never>);
  }
  return { matters: shown, since, dataLossAsked };
}

/** What was logged last of a matter's first cell besides that it was looked at, by the matter's key. */
async function entriesOfCells(
  { deps, log }: Context,
  matters: readonly Matter[],
): Promise<ReadonlyMap<string, readonly Told[]>> {
  const asked = matters
    .filter(({ promotion, cells }) => promotion === undefined && cells.length > 0)
    .slice(0, MOST.cellMatters)
    .map(({ key, cells }) => ({ key, stream: streams.cell(cells[0]?.cell ?? '') }));
  const rows = await deps.store.load(asked.map(({ stream }) => stream));
  const told = await Promise.all(
    asked.map(async ({ key, stream }) => {
      const version = rows.get(stream)?.version ?? 0;
      const entries = await log.history(stream, Math.max(0, version - MOST.cellEntries), MOST.cellEntries);
      const read = entries.flatMap(({ bytes }) => {
        const decoded = decodeEntry(bytes);
        return decoded.ok ? [decoded.entry] : [];
      });
      const news = read.filter(
        ({ type, data }) => type !== 'cell.observed' || data.drifted !== undefined || data.settles === true,
      );
      return [key, news.slice(-MOST.told).reverse().map(toldOf)] as const;
    }),
  );
  return new Map(told);
}

async function showTenants({ deps }: Context, page: readonly AffectedTenant[], since: ReadonlyMap<string, Since>) {
  const names = page.map(({ cell, tenant }) => streams.document('Tenant', `${cell}/${tenant}`));
  const rows = await deps.store.load(names);
  return page.map((tenant, i) => {
    const row = rows.get(names[i] as string) as Row<DocumentRecord<{ serviceLevel?: string }>> | undefined;
    const moved = since.get(`${tenant.cell}/${tenant.tenant}`);
    // What serves it now came by another way than the moves that were read: since when, they don't say.
    const stale = moved?.release !== undefined && tenant.release !== null && moved.release !== tenant.release;
    return {
      ...tenant,
      matters: [...new Set(tenant.matters)],
      serviceLevel: row?.state.spec.serviceLevel ?? null,
      since: moved === undefined || moved.alone || stale ? null : moved.at,
    };
  });
}

/** Sorts as the list does: who is held first. */
function keyOf(of: AffectedTenant): string {
  return `${heldRank(of)} ${of.cell}/${of.tenant}`;
}

function nextOf(all: readonly AffectedTenant[], page: readonly AffectedTenant[]): string | null {
  const last = page.at(-1);
  return last === undefined || all.length === page.length ? null : Buffer.from(keyOf(last)).toString('base64url');
}

/** What has begun and not ended. */
function underWay({ facts }: Gathered) {
  return facts.promotions.flatMap(({ promotion: p, plan }) => {
    if (p.phase === 'ended' || p.wave === 0) return [];
    const { id, application, environment, release, wave } = p;
    const words = `wave ${wave} of ${plan.waves.length}, ${p.phase}`;
    return [{ promotion: id, application, environment, release, words }];
  });
}

/** What was taken back later is a change of that time, and the newest first. */
function changesOf({ ended, takenBack }: Gathered) {
  const changes = ended.flatMap((p) => {
    if (p.phase !== 'ended') return [];
    const { id, application, environment, release } = p;
    const back = takenBack.get(id);
    const at = Math.max(p.at, toldTakenBack(back)?.at ?? 0);
    return [{ promotion: id, application, environment, release, result: resultWords(p.result, back), at }];
  });
  return changes.sort((a, b) => b.at - a.at).slice(0, MOST.changes);
}

function summaryOf({ matters, tenants }: Incident, hours: number, moving: number, unread: readonly string[]): string {
  const meanwhile = moving === 0 ? '' : ` ${moving === 1 ? 'A promotion is' : `${moving} promotions are`} under way.`;
  const beyond = unread.length === 0 ? '' : ` Not read: ${unread.join('; ')}.`;
  // Whoever has not looked everywhere doesn't say that there is nothing.
  if (matters.length === 0 && beyond !== '')
    return `This look is not complete. What it read shows nothing that is wrong.${meanwhile}${beyond}`;
  if (matters.length === 0)
    return `Nothing is known to be wrong, and nothing went wrong in the last ${hours} h. That says only what agents observe and checks report.${meanwhile}`;
  const held = tenants.filter((t) => t.held === true).length;
  const unknown = tenants.filter((t) => t.held === null).length;
  const count = (n: number, noun: string) => `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`;
  const [first] = matters as [Matter, ...Matter[]];
  return `${count(matters.length, 'matter')} ${matters.length === 1 ? 'reaches' : 'reach'} ${count(tenants.length, 'tenant')}; ${held === 0 ? (unknown === 0 ? 'none is held' : 'none is known to be held') : `${held.toLocaleString('en')} held`}${unknown === 0 ? '' : `, of ${unknown.toLocaleString('en')} that isn’t known`}. First: ${first.application} in ${first.environment}: ${first.why}.${beyond}`;
}
