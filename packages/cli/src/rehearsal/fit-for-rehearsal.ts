/** What speaks against rehearsing a release in an environment: found out before anything is asked for there. */
import { type Client, ProblemError, type Release } from '@headgate/contract';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { everything } from '../paging.ts';

/** The shortest soak in which a promotion is sure to be turned back before it ends. Milliseconds. */
const SHORTEST_SOAK_MS = 2_000;
/** The gate that asks for what this makes. */
const GATE = 'rollback-rehearsed';
/** A promotion that there never is: asked for by its name, it says who may take one back. */
const NOBODYS = 'prm_rehearsal';

/** Throws a {@link Failure} that says what would unblock it, or the server's refusal to plan it. */
export async function fitForRehearsal(client: Client, release: Release, environment: string): Promise<void> {
  await mayTakeBack(client);
  await comesBeforeTheLast(client, release.application, environment);
  await nothingOpen(client, environment);
  await nobodyOnIt(client, release, environment);
  const { plan } = await client.call('planPromotion', { body: { release: release.ref.digest, environment } });
  const { waves, gates } = plan as unknown as {
    readonly waves: readonly { readonly ring: string; readonly soakMs: number }[];
    readonly gates: readonly { readonly gate: string; readonly params: { readonly environment?: unknown } }[];
  };
  if (gates.some(({ gate, params }) => gate === GATE && params.environment === environment))
    throw new Failure(
      EXIT.refused,
      'waits-for-itself',
      `the policy of ${environment} has the gate ${GATE} of ${environment} itself: the promotion would wait for its own rehearsal`,
      `put that gate into the policy of an environment after ${environment}`,
    );
  const last = waves.at(-1);
  if (last === undefined || last.soakMs < SHORTEST_SOAK_MS)
    throw new Failure(
      EXIT.refused,
      'no-soak',
      `the last wave (ring ${last?.ring}) is watched for ${last?.soakMs ?? 0} ms: a promotion is turned back during its last soak, and this one would have ended before`,
      `give the last ring at least ${SHORTEST_SOAK_MS} ms (soakMs of a Service, or of that ring in the Application)`,
    );
}

/** Whoever can't take a promotion back doesn't begin one here. */
async function mayTakeBack(client: Client): Promise<void> {
  try {
    await client.call('rollBackPromotion', { promotion: NOBODYS, body: { reason: 'asked who may' } });
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return;
    throw error;
  }
}

/** In the last environment customers are served. */
async function comesBeforeTheLast(client: Client, application: string, environment: string): Promise<void> {
  const { content } = await client.call('showDocument', { kind: 'Application', name: application });
  const { pipeline = [] } = (content.spec ?? {}) as { readonly pipeline?: readonly string[] };
  if (pipeline.at(-1) !== environment) return;
  const before = pipeline.at(-2);
  throw new Failure(
    EXIT.refused,
    'last-environment',
    `${environment} is the last environment of ${application} (${pipeline.join(' → ')}), in which customers are served: no release is promoted there to be taken back`,
    before === undefined
      ? `declare an environment before it in the pipeline of ${application}, and rehearse there`
      : `rehearse it before: --in ${before}`,
  );
}

async function nothingOpen(client: Client, environment: string): Promise<void> {
  const { items } = await client.call('listPromotions', { environment, open: 'true', limit: 1 });
  const [open] = items;
  if (open === undefined) return;
  throw new Failure(
    EXIT.refused,
    'promotion-open',
    `${open.id} (${open.release.version}) is open in ${environment}: what came of the one would be the other’s`,
    `wait for its end: headgate watch ${open.id}`,
  );
}

/** Whoever is on it already would stay there. */
async function nobodyOnIt(client: Client, { ref }: Release, environment: string): Promise<void> {
  const cells = await everything((page) => client.call('listCells', { environment, limit: 200, ...page }));
  for (const { name, desired } of cells) {
    if (desired === null) continue;
    const on = Object.entries(desired.tenants).filter(
      ([, { slot }]) => desired.slots[slot]?.release?.digest === ref.digest,
    );
    if (on.length > 0)
      throw new Failure(
        EXIT.refused,
        'runs-there',
        `${ref.version} serves ${on.length} tenants of cell ${name} in ${environment} already: there is nothing to bring them back to`,
        'rehearse a release that serves nobody there yet',
      );
  }
}
