import { attachEvidence, notFound, type ReleaseRecord, type Result, registerRelease, streams } from '@headgate/control';
import type { Context } from '../context.ts';
import type { Handlers } from '../handler.ts';
import { beginning, pageByTime } from '../paging.ts';
import { inBundle, showRelease } from '../views.ts';

export function releaseHandlers({
  deps,
  trust,
}: Context): Handlers<'registerRelease' | 'listReleases' | 'showRelease' | 'attachEvidence'> {
  return {
    async registerRelease({ principal, body }) {
      await trust.refresh();
      const request = { manifest: Buffer.from(body.manifest, 'utf8'), bundle: body.bundle };
      const registered = await registerRelease(deps, principal, request);
      return registered.ok ? { ok: true, value: showRelease(registered.value, principal) } : placed(registered);
    },
    async listReleases({ principal, input }) {
      const only = input.application === undefined ? {} : { facet: input.application };
      const page = await pageByTime(deps.store, 'release', input, { ...only, ...beginning('release', input.prefix) });
      if (!page.ok) return page;
      const items = page.value.rows.map((row) => showRelease(row.state as ReleaseRecord, principal));
      return { ok: true, value: { items, next: page.value.next } };
    },
    async showRelease({ principal, input }) {
      const stream = streams.release(input.digest);
      const row = (await deps.store.load([stream])).get(stream);
      if (row === undefined) return notFound('show a release', stream);
      return { ok: true, value: showRelease(row.state as ReleaseRecord, principal) };
    },
    async attachEvidence({ principal, body }) {
      await trust.refresh();
      const attached = await attachEvidence(deps, principal, body.bundle);
      return attached.ok ? attached : placed(attached);
    },
  };
}

/** What is wrong with a bundle is said by a pointer into it, and it stands in the body. */
function placed({ refusals }: Extract<Result<never>, { ok: false }>): Result<never> {
  return { ok: false, refusals: refusals.map((each) => ({ ...each, where: inBundle(each.where) })) };
}
