import { openApiDocument } from '@headgate/contract';
import type { Context } from '../context.ts';
import type { Handlers } from '../handler.ts';

export function serverHandlers(context: Context): Handlers<'healthz' | 'readyz' | 'metrics' | 'openapi'> {
  return {
    async healthz() {
      return { ok: true, value: { status: 'ok' } };
    },
    async readyz({ reply }) {
      const parts = await context.readiness();
      const ready = parts.every((part) => part.ready);
      if (!ready) reply.code(503);
      return { ok: true, value: { ready, parts } };
    },
    async metrics() {
      return { ok: true, value: await context.metrics.text() };
    },
    async openapi() {
      return { ok: true, value: openApiDocument(context.version) };
    },
  };
}
