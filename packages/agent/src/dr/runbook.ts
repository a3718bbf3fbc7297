/** A plan to rebuild a cell as a runbook: what an engineer does by hand, step by step, with the ids that an exercise times. */
import { join } from 'node:path';
import { repositoryText } from '@headgate/adapters/execution/pgbackrest/pgbackrest-config';
import { expectedMs, type RebuildPlan, type RebuildStep } from '@headgate/domain';
import { tookText } from '@headgate/domain/model/duration';
import type { DrAsk } from './ask.ts';
import { externalByHand, externalStoreText, type NamedServers, namedServers } from './runbook-external.ts';
import { odooByHand, odooServerText, odooStoreText } from './runbook-odoo.ts';
import { fenced, identityOf, word } from './runbook-words.ts';
import { many, pointText, timeText } from './words.ts';

/** Markdown. `plan`'s digest and `now` say what it was rendered from, and when. Throws where a URL of a store isn't there. */
export async function runbook(ask: DrAsk, plan: RebuildPlan, digest: string, now: number): Promise<string> {
  const { cell } = ask;
  const servers = await namedServers(cell);
  const { environment, steps, stores, serving } = plan;
  const all = expectedMs(plan);
  return `${[
    `# Rebuilding ${plan.cell} (${environment})`,
    `Rendered ${timeText(now)} from the plan ${digest}. Render it anew before you use it: restore points come and go.`,
    `It takes ${all === undefined ? 'nobody knows how long: it was never exercised to its end' : `${tookText(all)} by the last exercise`}. What comes back:`,
    [
      ...stores.map((store) => `- ${pointText(store, now)}`),
      ...serving.slots.map(
        ({ slot, release, tenants }) =>
          `- ${release.version} (${release.digest}) in ${slot}, for ${many(tenants.length, 'tenant')}`,
      ),
    ].join('\n'),
    '## Before the first step',
    [
      `1. The old ${plan.cell} must not come back beside the new one: take its machine off the network, or its power, and withdraw its credentials for ${places(ask).join(' and ')}.`,
      `2. On this machine: Headgate, PostgreSQL 15’s packages${repositories(ask).length > 0 ? ', pgBackRest' : ''}${cell.kind === 'odoo' ? `, Odoo in ${cell.odoo.dir}` : ''}, the files that the configuration names, and the identity.`,
      ...stores.flatMap(({ name, given = [] }) =>
        given.map((each) => `   - For the store ${name} somebody gives ${each}.`),
      ),
      `3. Nothing stands against it: \`headgate-agent dr plan --config ${word(ask.configFile)}${common(ask)}\` ends with 0.`,
    ].join('\n'),
    ...steps.flatMap((step, i) => stepText(ask, plan, step, i + 1, servers)),
    '## After the last step',
    [
      `1. **Traffic.** The router of the cell answers at 127.0.0.1:${cell.router.listenPort} and leads every tenant already. Point what stands in front of it (load balancer, DNS) from the old machine to this one, and ask once as a customer does.`,
      `2. **The agent.** \`headgate-agent run --config ${word(ask.configFile)}\`. Where the control plane was restored, too, it may ask a person about the cell: \`headgate recovery\`.`,
      `3. **Restore points.** ${cell.kind === 'odoo' ? 'The next promotion takes one of each of its tenants' : 'Take one of each store now, or wait for the schedule'}: \`headgate-agent restore-points list --config ${word(ask.configFile)}\` says when one is there.`,
    ].join('\n'),
  ].join('\n\n')}\n`;
}

function stepText(
  ask: DrAsk,
  plan: RebuildPlan,
  step: RebuildStep,
  n: number,
  servers: NamedServers,
): readonly string[] {
  const { id, needs, proof, expectedMs: took } = step;
  return [
    `## ${n}. ${id}`,
    `${whatOf(ask, step, servers)}${needs.length > 0 ? ` After ${needs.join(', ')}.` : ''}${took === undefined ? '' : ` Took ${tookText(took)}.`}`,
    fenced(
      `headgate-agent dr rebuild --config ${word(ask.configFile)}${common(ask)} --as YOU --because "…" --step ${id}`,
    ),
    `- [ ] Done when: ${proof}.`,
    ...byHand(ask, plan, step, servers),
  ];
}

function whatOf({ config, cell }: DrAsk, { kind, of }: RebuildStep, servers: NamedServers): string {
  switch (kind) {
    case 'configuration':
      return `The backup ${of} comes back to ${join(config.dataDir, 'rebuilt', of)}.`;
    case 'server':
      return cell.kind === 'odoo' ? odooServerText(cell) : 'The cell’s server is made.';
    case 'store':
      if (cell.kind === 'odoo') return odooStoreText(cell, of);
      if (servers[of] !== undefined) return externalStoreText(of, servers);
      return `The store ${of} comes back to ${cell.stores[of]!.clusterDir}, on port ${cell.stores[of]!.port}.`;
    case 'application':
      return `The release is started in the slot ${of}.${cell.kind === 'odoo' ? ' Its modules are compared with those that are installed for each of its tenants.' : ''}`;
    case 'traffic':
      return `Tenants are led to their slots.${cell.kind === 'odoo' ? ' From here on their scheduled jobs run, and mail that was waiting goes out.' : ''}`;
    case 'business':
      return 'Business transactions are carried out.';
  }
}

/** Repositories of stores, in words. */
function repositories({ cell }: DrAsk): readonly string[] {
  if (cell.kind === 'odoo') return [];
  return Object.values(cell.stores).flatMap(({ pgbackrest }) =>
    pgbackrest === undefined ? [] : [repositoryText(pgbackrest)],
  );
}

/** Where what comes back lies. */
function places(ask: DrAsk): readonly string[] {
  const { store } = ask.cell.vault;
  return [store.kind === 'folder' ? store.dir : store.bucket, ...repositories(ask)];
}

/** The same by older means, where the step doesn't do it. */
function byHand(ask: DrAsk, plan: RebuildPlan, step: RebuildStep, servers: NamedServers): readonly string[] {
  const { cell, configFile } = ask;
  const { kind, of } = step;
  const identity = identityOf(ask);
  if (kind === 'configuration') {
    const to = join(ask.config.dataDir, 'rebuilt', of);
    return [
      'By hand:',
      fenced(`headgate-agent backup ${of} --restore-to ${word(to)} --config ${word(configFile)}${identity}`),
    ];
  }
  if (kind !== 'store') return [];
  if (cell.kind === 'odoo') return odooByHand(ask, cell, plan, step);
  if (servers[of] !== undefined) return externalByHand(ask, cell, plan, step, servers);
  const lookAt = cell.stores[of];
  if (lookAt === undefined) return [];
  const { point } = plan.stores.find(({ name }) => name === of)!;
  const more = ` --cell ${cell.cell} --id ${point.id}${lookAt.pgbackrest === undefined ? identity : ''}`;
  const to = word(`${lookAt.clusterDir}.by-hand`);
  return [
    'To look at it once the cell runs:',
    fenced(
      `PGPASSWORD=$(cat ${word(join(lookAt.clusterDir, 'password'))}) psql -h 127.0.0.1 -p ${lookAt.port} -U postgres ${word(lookAt.database)} -c 'select count(*) from headgate.migration'`,
    ),
    'If the step doesn’t do it, beside its place:',
    fenced(
      point.reachedAt === undefined && point.lastWal === undefined
        ? `headgate-agent restore-points fetch --config ${word(configFile)} --store ${of}${more} --to ${to}`
        : `headgate-agent recover --config ${word(configFile)} --store ${of}${more} --to ${to}`,
    ),
  ];
}

function common(ask: DrAsk): string {
  const token = ask.tokenFile === undefined ? '' : ` --token-file ${word(ask.tokenFile)}`;
  const release = ask.releaseDir === undefined ? token : `${token} --release ${word(ask.releaseDir)}`;
  const verification = ask.verificationFile === undefined ? '' : ` --verification ${word(ask.verificationFile)}`;
  return ` --cell ${ask.cell.cell}${identityOf(ask)}${release}${verification}`;
}
