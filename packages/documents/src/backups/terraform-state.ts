/**
 * Terraform's and OpenTofu's state, as far as anybody may know it: its version, lineage and serial, and how many resources of
 * each type. Everything else in it is secret, so no value goes into a fact or a refusal; a place in it is its path.
 */
import { createHash } from 'node:crypto';
import type { StatePromise } from '@headgate/domain';
import { z } from 'zod';
import { type Refused, refuse } from '../refusal.ts';

const plain = (most: number) => z.string().regex(new RegExp(`^[A-Za-z0-9][A-Za-z0-9._+:-]{0,${most - 1}}$`));
/** Beyond that a list of types says nothing to anybody. */
const MOST_TYPES = 2_000;

const state = z.object({
  version: z.literal(4),
  terraform_version: plain(60),
  serial: z.int().min(0),
  lineage: plain(100),
  resources: z.array(
    z.object({
      mode: z.enum(['managed', 'data']),
      type: plain(200),
      instances: z.array(z.unknown()),
    }),
  ),
});

export type ReadState =
  | { readonly ok: true; readonly state: StatePromise }
  | Refused<'not-json' | 'not-a-state' | 'encrypted-state'>;

/** Reads it. Whoever calls bounds the text. */
export function readTerraformState(text: string): ReadState {
  const what = 'Terraform state';
  const unblock = 'name the state itself, or a command that prints it: terraform state pull';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What the parser says quotes what it read.
    return refuse('not-json', what, text.trim() === '' ? 'there is nothing in it' : "it isn't JSON", { unblock });
  }
  if (typeof value === 'object' && value !== null && 'encrypted_data' in value)
    return refuse('encrypted-state', what, 'it is encrypted by OpenTofu, so nobody could tell in a drill what it is', {
      unblock: 'name a command that prints it in clear: tofu state pull. In the vault it is encrypted',
    });
  const parsed = state.safeParse(value);
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.join('.') ?? '';
    const why =
      where === 'version'
        ? "it is of no version that is known (4, of Terraform from 0.12 on and of OpenTofu), or isn't a state"
        : `it isn't a state: ${where === '' ? 'it' : where} is missing, or isn't what stands there in one`;
    return refuse('not-a-state', what, why, { where, unblock });
  }
  const { version, terraform_version: writtenBy, serial, lineage } = parsed.data;
  const resources: Record<string, number> = Object.create(null);
  for (const { mode, type, instances } of parsed.data.resources) {
    const name = mode === 'data' ? `data.${type}` : type;
    resources[name] = (resources[name] ?? 0) + instances.length;
  }
  if (Object.keys(resources).length > MOST_TYPES)
    return refuse('not-a-state', what, `it has more than ${MOST_TYPES} types of resources`, { where: 'resources' });
  return { ok: true, state: { version, writtenBy, lineage, serial, resources: { ...resources } } };
}

/**
 * SHA-256 of a state's text, without the version of the program that wrote it: a newer one prints the same state with its own.
 * It tells whoever can guess a secret in it that the guess is right, so it is nowhere in the open.
 */
export function stateSum(text: string): string {
  const same = text.replace(/"terraform_version"\s*:\s*"[^"\\]*"/, '');
  return createHash('sha256').update(same).digest('hex');
}

/** How many resources there are, data sources too. */
export function countResources({ resources }: Pick<StatePromise, 'resources'>): number {
  return Object.values(resources).reduce((sum, n) => sum + n, 0);
}
