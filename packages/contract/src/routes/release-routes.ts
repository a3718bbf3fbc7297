import { z } from 'zod';
import { route } from '../route.ts';
import { digest, name, pageOf, paging, prefix } from '../schemas/common.ts';
import {
  applied,
  document,
  documentFile,
  documentWithContent,
  evidence,
  release,
  signedBundle,
} from '../schemas/releases.ts';

const kind = z.string().regex(/^[A-Z][A-Za-z]{0,49}$/, 'expected a kind: Application, Environment …');

const documentName = z
  .string()
  .regex(/^[a-z0-9-]{1,63}(\/[a-z0-9-]{1,63})?$/, 'expected a name; of a tenant <cell>/<name>');

export const releaseRoutes = {
  applyDocuments: route({
    method: 'POST',
    path: '/v1/documents',
    summary: 'Declare documents, all or none; dryRun checks them alone',
    tag: 'documents',
    needs: ['apply'],
    body: z.strictObject({
      files: z.array(documentFile).min(1).max(200),
      dryRun: z.boolean().default(false),
      /** Without it, what is another application's or another owner's is refused with 409. */
      takeOver: z.boolean().default(false),
    }),
    maxBytes: 8 * 1024 * 1024,
    response: z.object({
      applied: z.array(applied),
      /** What was taken and is odd, in words: waivers that have ended. */
      warnings: z.array(z.string()).exactOptional(),
    }),
    twice: 'what is unchanged makes no entry',
  }),
  listDocuments: route({
    method: 'GET',
    path: '/v1/documents',
    summary: 'Documents in the order of kind and name',
    tag: 'documents',
    needs: ['read'],
    query: z.object({ ...paging, prefix, kind: kind.exactOptional() }),
    response: pageOf(document),
  }),
  showDocument: route({
    method: 'GET',
    path: '/v1/documents/{kind}/{name}',
    summary: 'One document, and when it was declared otherwise lately',
    tag: 'documents',
    needs: ['read'],
    params: z.object({ kind, name: documentName }),
    response: documentWithContent,
  }),
  listKinds: route({
    method: 'GET',
    path: '/v1/kinds',
    summary: 'Kinds of documents with their JSON Schemas',
    tag: 'documents',
    needs: ['read'],
    response: z.object({ kinds: z.array(z.object({ kind: z.string(), schema: z.record(z.string(), z.unknown()) })) }),
  }),
  showKind: route({
    method: 'GET',
    path: '/v1/kinds/{kind}',
    summary: 'The JSON Schema of a kind of documents',
    tag: 'documents',
    needs: ['read'],
    params: z.object({ kind }),
    response: z.record(z.string(), z.unknown()),
  }),
  registerRelease: route({
    method: 'POST',
    path: '/v1/releases',
    summary: 'Register a signed release; its files were uploaded before',
    tag: 'releases',
    needs: ['register-release'],
    body: z.strictObject({
      /** Canonical JSON (RFC 8785), as it was signed. */
      manifest: z.string().max(1024 * 1024),
      bundle: signedBundle,
    }),
    maxBytes: 6 * 1024 * 1024,
    response: release,
    status: 201,
    twice: 'the digest is the identity: the same release is registered once',
  }),
  listReleases: route({
    method: 'GET',
    path: '/v1/releases',
    summary: 'Releases, the newest first, or with order=asc the oldest; with a prefix in the order of their digests',
    tag: 'releases',
    needs: ['read'],
    query: z.object({ ...paging, prefix, application: name.exactOptional() }),
    response: pageOf(release),
  }),
  showRelease: route({
    method: 'GET',
    path: '/v1/releases/{digest}',
    summary: 'One release with its evidence',
    tag: 'releases',
    needs: ['read', 'carry-out'],
    params: z.object({ digest }),
    response: release,
  }),
  attachEvidence: route({
    method: 'POST',
    path: '/v1/evidence',
    summary: 'Attach a signed statement to the release that it names',
    tag: 'releases',
    needs: ['attach-evidence'],
    body: z.strictObject({ bundle: signedBundle }),
    maxBytes: 5 * 1024 * 1024,
    response: evidence,
    status: 201,
    twice: 'the same bundle is attached once',
  }),
} as const;
