import { z } from 'zod';
import { route } from '../route.ts';
import { digest } from '../schemas/common.ts';
import { auditedRows, consistency, inclusion, placedEntry } from '../schemas/log.ts';
import { MAX_BLOB_BYTES } from '../schemas/releases.ts';

const place = z.coerce.number().int().min(0);

export const logRoutes = {
  getBlob: route({
    method: 'GET',
    path: '/v1/blobs/{digest}',
    summary: 'Bytes by their digest: release files, manifests, bundles, plans, envelopes, documents, reports',
    tag: 'blobs',
    needs: ['read', 'carry-out'],
    params: z.object({ digest }),
    response: 'octets',
  }),
  putBlob: route({
    method: 'PUT',
    path: '/v1/blobs/{digest}',
    summary: 'Store bytes under their digest, which is checked',
    tag: 'blobs',
    needs: ['register-release', 'attach-evidence', 'carry-out'],
    params: z.object({ digest }),
    body: 'octets',
    maxBytes: MAX_BLOB_BYTES,
    response: z.object({ digest, bytes: z.int() }),
    twice: 'the same bytes are one blob',
  }),
  logHead: route({
    method: 'GET',
    path: '/v1/log/head',
    summary: 'The latest signed tree head: a C2SP checkpoint note',
    tag: 'log',
    needs: ['read-log', 'read'],
    response: 'text',
  }),
  logEntries: route({
    method: 'GET',
    path: '/v1/log/entries',
    summary:
      'Entries in the order of their places, from a place on: as many as asked for, or fewer where they are large (about 1 MiB); go on behind the last one',
    tag: 'log',
    needs: ['read-log'],
    query: z.object({
      from: place.default(0),
      limit: z.coerce.number().int().min(1).max(1_000).default(500),
      /** Each entry in one line as well, for people. */
      words: z.enum(['true', 'false']).exactOptional(),
    }),
    response: z.object({ entries: z.array(placedEntry) }),
  }),
  logConsistency: route({
    method: 'GET',
    path: '/v1/log/consistency',
    summary: 'Proof that the tree of `from` entries is a prefix of the tree of `to` entries (RFC 9162)',
    tag: 'log',
    needs: ['read-log', 'read'],
    query: z.object({ from: place, to: place }),
    response: consistency,
  }),
  logInclusion: route({
    method: 'GET',
    path: '/v1/log/inclusion',
    summary: 'Proof that the entry at a place is in the tree of `size` entries (RFC 9162)',
    tag: 'log',
    needs: ['read-log', 'read'],
    query: z.object({ place, size: place }),
    response: inclusion,
  }),
  auditLog: route({
    method: 'GET',
    path: '/v1/log/audit',
    summary: 'Folds the entries of streams and compares them with the rows that run; a page of streams at a time',
    tag: 'log',
    needs: ['read-log'],
    query: z.object({
      cursor: z.string().max(400).exactOptional(),
      limit: z.coerce.number().int().min(1).max(500).default(100),
    }),
    response: auditedRows,
  }),
  watchEvents: route({
    method: 'GET',
    path: '/v1/events',
    summary:
      'Log entries as server-sent events, as they are placed; ids are places, Last-Event-ID goes on behind one, and one that the log doesn’t have (any more) is refused as beyond-head. Rights and refused attempts only for whoever may read the log',
    tag: 'log',
    needs: ['read', 'read-log'],
    query: z.object({ after: z.coerce.number().int().min(-1).exactOptional() }),
    response: 'events',
  }),
} as const;
