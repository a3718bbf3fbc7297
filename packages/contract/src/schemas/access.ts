import { z } from 'zod';
import { instant, name, principalId } from './common.ts';

export const role = z
  .enum(['developer', 'release-manager', 'approver', 'operator', 'auditor', 'agent', 'admin'])
  .meta({ id: 'Role' });

export const principal = z
  .object({
    id: principalId,
    roles: z.array(role),
    environments: z.array(name).exactOptional(),
    /** In lists. Absent: of before that was kept. */
    since: instant.exactOptional(),
    /** In lists. */
    revoked: z.boolean().exactOptional(),
  })
  .meta({ id: 'Principal' });
export type Principal = z.infer<typeof principal>;

/** The token is said once and kept nowhere but as a hash. */
export const enrolled = z
  .object({
    principal,
    token: z.string(),
    /** Of an agent: the environments that nobody has declared (yet), and why that may be. */
    undeclared: z.array(z.object({ environment: name, why: z.string() })).exactOptional(),
  })
  .meta({ id: 'Enrolled' });
