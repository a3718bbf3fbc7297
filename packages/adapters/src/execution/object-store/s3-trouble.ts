import { ObjectStoreTrouble } from '@headgate/execution';

/** The HTTP status that came back; `undefined`: nothing did. */
export function answered(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

const FULL = new Set(['QuotaExceeded', 'XMinioStorageFull', 'EntityTooLarge', 'InsufficientStorage']);

/** In the port's words. An aborted call stays what it is. */
export function troubleOf(error: unknown, store: string): Error {
  if (error instanceof ObjectStoreTrouble) return error;
  const { name, message } = error as Error;
  if (name === 'AbortError') return error as Error;
  const status = answered(error);
  if (status === undefined) {
    const code = (error as { code?: string }).code ?? name;
    return new ObjectStoreTrouble('away', `${store} doesn't answer (${code})`, error);
  }
  const said = `${name}: ${message}`.slice(0, 200);
  if (status === 507 || FULL.has(name))
    return new ObjectStoreTrouble('full', `${store} has no room left (${said})`, error);
  if (status >= 500 && status !== 501)
    return new ObjectStoreTrouble('away', `${store} is in trouble (${status}, ${said})`, error);
  return new ObjectStoreTrouble('refused', `${store} refused (${status}, ${said})`, error);
}
