/** What pages ask the server. A key begins with what it shows: `live/stale.ts` goes by that. */
import type { Client } from '@headgate/contract';
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { z } from 'zod';
import { logSize } from './live/log-size.ts';
import { entryOf } from './words/entries.ts';

const PAGE = 50;
const first = undefined as string | undefined;
const cursor = (at: string | undefined) => (at === undefined ? {} : { cursor: at });

export const whoami = (client: Client) =>
  queryOptions({
    queryKey: ['whoami'],
    queryFn: ({ signal }) => client.call('whoami', {}, { signal }),
    staleTime: 60_000,
  });

export const status = (client: Client) =>
  queryOptions({ queryKey: ['status'], queryFn: ({ signal }) => client.call('status', {}, { signal }) });

/** Only what the page needs of an application's document. */
const application = z.looseObject({ spec: z.looseObject({ pipeline: z.array(z.string()) }) });

/** Each application's environments, in the order in which releases pass them. */
export const pipelines = (client: Client) =>
  queryOptions({
    queryKey: ['document', 'Application'],
    queryFn: async ({ signal }) => {
      const { items } = await client.call('listDocuments', { kind: 'Application', limit: PAGE }, { signal });
      const shown = await Promise.all(
        items.map(({ kind, name }) => client.call('showDocument', { kind, name }, { signal })),
      );
      return shown.flatMap(({ content }) => {
        const read = application.safeParse(content);
        return read.success ? [read.data.spec.pipeline] : [];
      });
    },
    staleTime: 60_000,
  });

export const promotions = (client: Client, open: boolean, environment: string | undefined, order: 'asc' | 'desc') =>
  infiniteQueryOptions({
    queryKey: ['promotions', open, environment, order],
    queryFn: ({ signal, pageParam }) =>
      client.call(
        'listPromotions',
        {
          order,
          ...(open ? { open: 'true' as const, limit: 200 } : { limit: PAGE }),
          ...(environment === undefined ? {} : { environment }),
          ...cursor(pageParam),
        },
        { signal },
      ),
    initialPageParam: first,
    getNextPageParam: ({ next }) => next ?? undefined,
  });

export const promotion = (client: Client, id: string) =>
  queryOptions({
    queryKey: ['promotion', id],
    queryFn: ({ signal }) => client.call('showPromotion', { promotion: id }, { signal }),
  });

export const explanation = (client: Client, id: string) =>
  queryOptions({
    queryKey: ['promotion', id, 'explanation'],
    queryFn: ({ signal }) => client.call('explainPromotion', { promotion: id }, { signal }),
  });

/** A plan never changes. */
export const plan = (client: Client, id: string) =>
  queryOptions({
    queryKey: ['plan', id],
    queryFn: ({ signal }) => client.call('showPlan', { promotion: id }, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: false,
  });

export const wayBack = (client: Client, id: string) =>
  queryOptions({
    queryKey: ['promotion', id, 'way-back'],
    queryFn: ({ signal }) => client.call('showWayBack', { promotion: id }, { signal }),
  });

export const rollouts = (client: Client, id: string) =>
  infiniteQueryOptions({
    queryKey: ['promotion', id, 'rollouts'],
    queryFn: ({ signal, pageParam }) =>
      client.call('listRollouts', { promotion: id, limit: 200, ...cursor(pageParam) }, { signal }),
    initialPageParam: first,
    getNextPageParam: ({ next }) => next ?? undefined,
  });

/** The steps of one wave in one cell, or, without a wave, those of its way back. */
export const steps = (client: Client, id: string, cell: string, wave: number | null) =>
  infiniteQueryOptions({
    queryKey: ['promotion', id, 'steps', cell, wave],
    queryFn: ({ signal, pageParam }) =>
      client.call(
        'listSteps',
        {
          promotion: id,
          cell,
          ...(wave === null ? { course: 'undo' as const } : { wave }),
          limit: 100,
          ...cursor(pageParam),
        },
        { signal },
      ),
    initialPageParam: first,
    getNextPageParam: ({ next }) => next ?? undefined,
  });

/** What its migrations took, a few cells at a time. */
export const migrationTimes = (client: Client, id: string) =>
  infiniteQueryOptions({
    queryKey: ['promotion', id, 'migrations'],
    queryFn: ({ signal, pageParam }) =>
      client.call('listMigrationTimes', { promotion: id, ...cursor(pageParam) }, { signal }),
    initialPageParam: first,
    getNextPageParam: ({ next }) => next ?? undefined,
  });

export const release = (client: Client, digest: `sha256:${string}`) =>
  queryOptions({
    queryKey: ['release', digest],
    queryFn: ({ signal }) => client.call('showRelease', { digest }, { signal }),
  });

export const restorations = (client: Client, name: string) =>
  queryOptions({
    queryKey: ['cell', name, 'restorations'],
    queryFn: ({ signal }) => client.call('listRestorations', { cell: name }, { signal }),
  });

export const cell = (client: Client, name: string) =>
  queryOptions({
    queryKey: ['cell', name],
    queryFn: ({ signal }) => client.call('showCell', { cell: name }, { signal }),
  });

export const freezes = (client: Client) =>
  queryOptions({ queryKey: ['freeze'], queryFn: ({ signal }) => client.call('listFreezes', {}, { signal }) });

/** Changes with any promotion, so it isn't among what one freeze makes stale: it asks by itself. */
export const freezeEffect = (client: Client, scope: string) =>
  queryOptions({
    queryKey: ['effect', scope],
    queryFn: ({ signal }) => client.call('showFreezeEffect', { scope }, { signal }),
    refetchInterval: 5_000,
  });

/** What a freeze may be of, besides everything. */
export const freezeScopes = (client: Client) =>
  queryOptions({
    queryKey: ['document', 'scopes'],
    queryFn: async ({ signal }) => {
      const named = async (kind: string) =>
        (await client.call('listDocuments', { kind, limit: 200 }, { signal })).items.map(({ name }) => name);
      const [environments, applications] = await Promise.all([named('Environment'), named('Application')]);
      return [...environments, ...applications.map((name) => `application:${name}`)];
    },
    staleTime: 60_000,
  });

/** What an incident is asked with. */
export interface LookBack {
  readonly hours: number;
  readonly environment?: string;
}

export const incident = (client: Client, look: LookBack) =>
  queryOptions({
    queryKey: ['incident', look],
    queryFn: ({ signal }) => client.call('showIncident', { ...look }, { signal }),
  });

export const incidentTenants = (client: Client, look: LookBack, held: boolean, prefix: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ['incident', look, 'tenants', held, prefix],
    queryFn: ({ signal, pageParam }) =>
      client.call(
        'listIncidentTenants',
        {
          ...look,
          limit: 100,
          ...(held ? { held: 'true' as const } : {}),
          ...(prefix === undefined ? {} : { prefix }),
          ...cursor(pageParam),
        },
        { signal },
      ),
    initialPageParam: first,
    getNextPageParam: ({ next }) => next ?? undefined,
  });

export const releases = (client: Client, application: string | undefined, order: 'asc' | 'desc') =>
  infiniteQueryOptions({
    queryKey: ['release', 'list', application, order],
    queryFn: ({ signal, pageParam }) =>
      client.call(
        'listReleases',
        { limit: PAGE, order, ...(application === undefined ? {} : { application }), ...cursor(pageParam) },
        { signal },
      ),
    initialPageParam: first,
    getNextPageParam: ({ next }) => next ?? undefined,
  });

/** Entries before a place, the newest first; without a place from the end of the signed log. */
export const logBefore = (client: Client, before: number | undefined) =>
  infiniteQueryOptions({
    queryKey: ['log', before],
    queryFn: async ({ signal, pageParam }) => {
      const to = pageParam ?? (await logSize(client));
      const from = Math.max(0, to - PAGE);
      if (to === from) return { items: [], from: 0 };
      const items: ReturnType<typeof entryOf>[] = [];
      // Where entries are large they come in several pages.
      while (from + items.length < to) {
        const page = { from: from + items.length, limit: to - from - items.length, words: 'true' } as const;
        const { entries } = await client.call('logEntries', page, { signal });
        if (entries.length === 0) break;
        items.push(...entries.map(entryOf));
      }
      return { items: items.reverse(), from };
    },
    initialPageParam: before,
    getNextPageParam: ({ from }) => (from > 0 ? from : undefined),
    refetchInterval: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
