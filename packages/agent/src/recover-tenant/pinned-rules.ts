/** Whose rows are whose is decided by rules: where a person pinned documents, only by those. */
import { misfitOfRules, type Refusal, refused, type TenantDifference } from '@headgate/domain';
import type { AgentConfig } from '../config.ts';
import type { ReadTenantRows } from './read-rules.ts';

/** Throws where the environment pins documents and the rules aren't one of them. */
export function expectPinned(
  { environments }: Pick<AgentConfig, 'environments'>,
  environment: string,
  rules: ReadTenantRows,
): void {
  const pinned = pinsOf({ environments }, environment);
  if (pinned === undefined || pinned.includes(rules.digest)) return;
  throw new Error(
    `nobody pinned the TenantRows ${rules.content.metadata.name} (${rules.digest}) for ${environment} here: read it, and add its digest to the environment’s documents in agent.yaml`,
  );
}

/** Why a difference isn't by the rules that it has to be by. `rules`: those that were given to apply it. */
export function rulesRefusal(
  config: Pick<AgentConfig, 'environments'>,
  difference: TenantDifference,
  rules: ReadTenantRows | undefined,
): Refusal | undefined {
  const { environment, cell, store } = difference;
  const no = (code: string, why: string, unblock: string): Refusal =>
    refused(code, 'apply this difference', `${cell}/${store}`, `${why}; nothing was changed`, unblock).refusal;
  if (rules === undefined)
    return pinsOf(config, environment) === undefined
      ? undefined
      : no(
          'rules-missing',
          `the agent has documents pinned for ${environment}, and by which rules the difference was made is only its own word`,
          'give the file with the rules: `--rules FILE`',
        );
  expectPinned(config, environment, rules);
  const misfit = misfitOfRules(difference, { ...rules.content.spec, digest: rules.digest });
  return misfit === undefined
    ? undefined
    : no(
        'rules-differ',
        misfit,
        'find out who made this file and how; make it anew by these rules, and have that approved',
      );
}

function pinsOf(
  { environments }: Pick<AgentConfig, 'environments'>,
  environment: string,
): readonly string[] | undefined {
  return environments.find(({ name }) => name === environment)?.documents;
}
