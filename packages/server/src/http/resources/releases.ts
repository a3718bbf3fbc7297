import { attachEvidence, notFound, type ReleaseRecord, type Result, registerRelease, streams } from '@headgate/control';
import type { Context } from '../context.ts';
import type { Handlers } from '../handler.ts';
import { beginning, pageByTime, pageOfRows } from '../paging.ts';
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
      const { application, prefix } = input;
      const only = { ...(application !== undefined && { facet: application }), ...beginning('release', prefix) };
      // How a digest begins is looked up in the order of digests: by time, a search for few would pass by all others.
      const page = await (prefix === undefined ? pageByTime : pageOfRows)(deps.store, 'release', input, only);
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
