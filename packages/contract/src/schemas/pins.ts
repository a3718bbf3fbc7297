import { z } from 'zod';
import { digest, instant, name, principalId } from './common.ts';

/** Documents that an agent tells of; of more it says that they are many. */
export const MAX_TOLD_DOCUMENTS = 50;

const DIGEST = 'sha256:[0-9a-f]{64}';

/**
 * What an agent holds for the cell's environment, beside what it sees there. In headers, which older servers overlook;
 * an agent of before says nothing.
 */
export const toldPins = z.object({
  /** The only policy whose plans it carries out. */
  policy: z
    .string()
    .regex(new RegExp(`^(any|${DIGEST})$`), 'expected any, or a digest')
    .exactOptional(),
  /** The only verifications and reconciliations that it carries out, with commas between. */
  documents: z
    .string()
    .regex(
      new RegExp(`^(any|none|many|${DIGEST}(,${DIGEST}){0,${MAX_TOLD_DOCUMENTS - 1}})$`),
      `expected any, none, many, or at most ${MAX_TOLD_DOCUMENTS} digests`,
    )
    .exactOptional(),
  /** Whether only approvals count that their approvers signed. */
  signed: z.enum(['true', 'false']).exactOptional(),
});

/** The same as it is shown. Absent: any. */
export const agentPins = z
  .object({
    policyDigest: digest.exactOptional(),
    documents: z.union([z.array(digest), z.literal('many')]).exactOptional(),
    signedApprovals: z.literal(true).exactOptional(),
  })
  .meta({ id: 'AgentPins' });

/** What an agent would refuse a promotion for, by what it told: before anybody approves it. */
export const objection = z
  .object({
    cell: name,
    environment: name,
    agent: principalId,
    code: z.enum(['other-policy', 'other-document', 'signed-approvals']),
    why: z.string(),
    unblock: z.string(),
    /** The policy that it holds in the place of the one that is asked of it. */
    held: digest.exactOptional(),
    /** The policy or the document that is asked of it, and that it doesn't hold. */
    asked: digest.exactOptional(),
    /** What the plan asks for is no longer in force: the promotion is asked for anew, and nothing is pinned. */
    outdated: z.literal(true).exactOptional(),
  })
  .meta({ id: 'Objection' });
export type Objection = z.infer<typeof objection>;

/** What the agent of one cell holds, beside what is in force there. */
export const pinsOfCell = z
  .object({
    cell: name,
    environment: name,
    application: name,
    /** Who looks at the cell; null while nobody does, or when it was revoked. */
    agent: principalId.nullable(),
    /** When it looked last. */
    at: instant.nullable(),
    /** Null: it doesn't tell, being older than this. */
    told: agentPins.nullable(),
    /** What a promotion that is asked for now would rest on; null while a document of it isn't declared. */
    inForce: z.object({ policyDigest: digest, documents: z.array(z.object({ name, digest })) }).nullable(),
    objections: z.array(objection),
  })
  .meta({ id: 'PinsOfCell' });
export type PinsOfCell = z.infer<typeof pinsOfCell>;
