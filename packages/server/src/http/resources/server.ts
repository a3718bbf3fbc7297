import { openApiDocument } from '@headgate/contract';
import type { Context } from '../context.ts';
import type { Handlers } from '../handler.ts';

export function serverHandlers(context: Context): Handlers<'healthz' | 'readyz' | 'metrics' | 'openapi'> {
  const document = openApiDocument(context.version);
  // Anybody may ask, as often as they like: who asks meanwhile gets the answer that is on its way.
  let asking: ReturnType<Context['readiness']> | undefined;
  const readiness = () => {
    asking ??= context.readiness().finally(() => {
      asking = undefined;
    });
    return asking;
  };
  return {
    async healthz() {
      return { ok: true, value: { status: 'ok' } };
    },
    async readyz({ reply }) {
      const parts = await readiness();
      const ready = parts.every((part) => part.ready);
      if (!ready) reply.code(503);
      return { ok: true, value: { ready, parts } };
    },
    async metrics() {
      return { ok: true, value: await context.metrics.text() };
    },
    async openapi() {
      return { ok: true, value: document };
    },
  };
}
