import { z } from 'zod';
import { actions, digest, instant, name, principalId, releaseRef } from './common.ts';

export const MAX_BLOB_BYTES = 64 * 1024 * 1024;

const findingLevel = z.enum(['error', 'warning', 'note']);

export const evidence = z
  .object({
    digest,
    predicateType: z.string(),
    subject: digest,
    verified: z.boolean(),
    keyId: z.string(),
    result: z.object({ passed: z.int(), failed: z.int(), skipped: z.int(), exitCode: z.int() }).exactOptional(),
    /** What a rehearsal on a copy of a store came to. */
    rehearsal: z
      .object({
        environment: z.string().exactOptional(),
        cell: z.string().exactOptional(),
        store: z.string(),
        at: instant,
        ok: z.boolean(),
        wayBack: z.enum(['equal', 'declared-lossy', 'none', 'different', 'not-reached']),
        /** Milliseconds; absent: nobody read or wrote meanwhile. */
        longestStallMs: z.int().exactOptional(),
        durationMs: z.int(),
        runner: z.enum(['headgate', 'psql']),
        masked: z.boolean(),
        /** Versions whose business transactions went well on the copy: those that ran then, and whether the new one. */
        business: z
          .object({
            old: z.array(z.string()),
            new: z.boolean(),
            /** By which Verification. */
            verification: z.object({ name: z.string(), digest }).exactOptional(),
          })
          .exactOptional(),
        /** Its migrations, interrupted and tried again while users worked with `old`; absent: not run, or not well. */
        underLoad: z
          .object({
            old: z.string(),
            verification: z.object({ name: z.string(), digest }),
            interruptions: z.int(),
            transactions: z.int(),
            /** The longest of those transactions. Milliseconds. */
            longestMs: z.int(),
            /** Their tenant was held meanwhile, and all of them were turned away; absent: users worked. */
            held: z.literal(true).exactOptional(),
          })
          .exactOptional(),
        /** What was not looked at, each in words. */
        missing: z.array(z.string()).exactOptional(),
        because: z.array(z.string()),
      })
      .exactOptional(),
    /** What a promotion of it and its undo came to. */
    rollbackRehearsal: z
      .object({
        environment: z.string(),
        promotion: z.string(),
        at: instant,
        ok: z.boolean(),
        /** Milliseconds, each absent where it didn't come so far; without requests no outage is known. */
        forwardMs: z.int().exactOptional(),
        backMs: z.int().exactOptional(),
        longestOutageMs: z.int().exactOptional(),
        traffic: z.object({ requests: z.int(), failed: z.int() }).exactOptional(),
        /** The files of the migrations that were run on the way. */
        migrated: z.array(digest),
        because: z.array(z.string()),
        missing: z.array(z.string()),
      })
      .exactOptional(),
    /** What an analysis of its migrations came to. */
    analysis: z
      .object({
        at: instant,
        stallMs: z.int(),
        /** Whose schema and sizes it was judged with; absent: no size was known. */
        catalogue: z
          .object({
            of: z.string(),
            digest,
            server: z.int(),
            tables: z.int(),
            readAt: instant.exactOptional(),
          })
          .exactOptional(),
        migrations: z.array(
          z.object({
            id: z.string(),
            to: z.int(),
            digest,
            removes: z.array(z.string()).exactOptional(),
            /** The statements that take it from running code, the first few. */
            takenBy: z.array(z.object({ line: z.int(), statement: z.string() })).exactOptional(),
          }),
        ),
        found: z.array(z.object({ to: z.int(), rule: z.string(), level: findingLevel, count: z.int() })),
        /** There was more than is counted. */
        more: z.literal(true).exactOptional(),
        /** The worst that what isn't counted can be; absent with `more`: an error. */
        moreLevel: findingLevel.exactOptional(),
        /** The worst of it. */
        told: z.array(
          z.object({
            to: z.int(),
            rule: z.string(),
            level: findingLevel,
            file: z.string(),
            line: z.int(),
            statement: z.string(),
            why: z.string(),
            safeWay: z.string(),
          }),
        ),
      })
      .exactOptional(),
  })
  .meta({ id: 'Evidence' });

export const release = z
  .object({
    ref: releaseRef,
    application: name,
    origin: z.enum(['built', 'adopted']),
    /** The sigstore bundle's blob; the manifest's blob is the release's own digest. Null for an adopted baseline. */
    bundle: digest.nullable(),
    signature: z.object({ verified: z.boolean(), keyId: z.string() }).nullable(),
    authors: z.array(z.string()),
    notes: z.string(),
    evidence: z.array(evidence),
    /** Environments that it was promoted to, and when. */
    promoted: z.array(z.object({ environment: name, at: instant })),
    registeredAt: instant,
    registeredBy: principalId,
    actions,
  })
  .meta({ id: 'Release' });
export type Release = z.infer<typeof release>;

export const document = z
  .object({ kind: z.string(), name: z.string(), owner: z.string(), digest })
  .meta({ id: 'Document', description: 'A tenant is named `<cell>/<name>`; the digest is of the content, a blob' });

/** A document with its text, and what it was lately. */
export const documentWithContent = document
  .extend({
    content: z.record(z.string(), z.unknown()),
    /** The last times that it was declared otherwise, the newest first: that one is in force. */
    history: z.array(z.object({ digest, by: principalId, at: instant })).exactOptional(),
  })
  .meta({ id: 'DocumentWithContent' });
export type DocumentWithContent = z.infer<typeof documentWithContent>;

export const applied = z
  .object({
    kind: z.string(),
    name: z.string(),
    digest: z.string(),
    change: z.enum(['created', 'changed', 'unchanged']),
  })
  .meta({ id: 'Applied' });

/** A file of YAML documents, as the caller has it. The name stands in errors, nothing is read from there. */
export const documentFile = z.strictObject({ name: z.string().min(1).max(300), text: z.string().max(1024 * 1024) });

/** A sigstore bundle; checked by what it proves, so its form isn't repeated here. */
export const signedBundle = z.record(z.string(), z.unknown()).meta({ id: 'SignedBundle' });
