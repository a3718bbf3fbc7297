import { type ControlStore, noEnvironment, type Result, refuse, streams, undeclaredOf } from '@headgate/control';

/** The refusal for an environment that nobody declared; undefined for one that is there, and for none. */
export async function missingEnvironment(
  store: ControlStore,
  what: string,
  environment: string | undefined,
): Promise<Extract<Result<never>, { ok: false }> | undefined> {
  if (environment === undefined || (await undeclaredOf(store, [environment])).length === 0) return undefined;
  const why = await noEnvironment(store, environment);
  const refused = refuse<never>(
    'not-found',
    what,
    streams.document('Environment', environment),
    why,
    'name one of them',
  );
  return refused.ok ? undefined : refused;
}
