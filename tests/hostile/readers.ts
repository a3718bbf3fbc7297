/** What people and programs hand to a reader: the schema that the cases are made from, and what the reader says. */
import { isUtf8 } from 'node:buffer';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CellConfig } from '@headgate/adapters/execution/cell-config';
import { OdooCellConfig } from '@headgate/adapters/execution/odoo/odoo-cell-config';
import { agentForm, loadConfig } from '@headgate/agent/config';
import {
  canonicalBytes,
  generateNoteKey,
  generateSigningKey,
  type NotCanonical,
  noteSigner,
  parseDocuments,
  signingKey,
} from '@headgate/documents';
import { testResult, testResultPredicate } from '@headgate/documents/evidence/test-result';
import { KINDS } from '@headgate/documents/kinds/catalog';
import { readService } from '@headgate/documents/service/read-service';
import { service } from '@headgate/documents/service/service';
import { manifestSchema, readManifest } from '@headgate/documents/trust/manifest';
import { parseTrust, trustSchema } from '@headgate/documents/trust/trust-file';
import type { z } from 'zod';
import { serialise } from './generate/serialise.ts';

/** `place` names a field as the reader does: a pointer or a dotted path. */
export type Read =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly places: readonly string[] };

export interface Reader {
  readonly name: string;
  readonly schema: z.ZodType;
  /** What stands at a field where the schema can't say it. */
  readonly at: Readonly<Record<string, unknown>>;
  /** JSON bytes, which are YAML, too. */
  read(bytes: Buffer): Read;
}

const ORIGIN = 'headgate.example/log';
const keyLine = (kind: 'tree-head' | 'witness') =>
  noteSigner(ORIGIN, kind, generateNoteKey(ORIGIN, kind).privateKeyPem).verifierKey;

const AT: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  Application: { 'spec.tenancy': 'rows' },
  Calendar: {
    'spec.timezone': 'Etc/UTC',
    'spec.windows[].start': '2026-01-31T22:00',
    'spec.windows[].end': '2026-02-01T22:00',
    'spec.windows[].rrule': 'FREQ=DAILY',
    'spec.freezes[].from': '2026-11-27T00:00:00+01:00',
    'spec.freezes[].to': '2026-11-28T00:00:00+01:00',
  },
  Verification: {
    'spec.workflows[].steps[].request.path': '/healthz',
    'spec.workflows[].steps[].successCriteria[].condition': '$statusCode == 200',
    'spec.workflows[].steps[].onFailure[].criteria[].condition': '$statusCode == 200',
    'spec.workflows[].steps[].outputs{}': '$response.body#/id',
  },
  Notification: {
    'spec.tenants[]': 'alpha/beta',
    'spec.quietHours.timezone': 'Etc/UTC',
    'spec.quietHours.windows[].start': '2026-01-31T22:00',
    'spec.quietHours.windows[].end': '2026-02-01T22:00',
  },
  Trust: {
    'spec.signers[].publicKey': signingKey(generateSigningKey().privateKeyPem).publicKeyPem,
    'spec.signers[].principal': 'usr_alpha',
    'spec.log.origin': ORIGIN,
    'spec.log.keys[]': keyLine('tree-head'),
    'spec.log.witnesses[]': keyLine('witness'),
  },
};

/** YAML has no place for bytes that are no UTF-8: whoever reads a file decodes it first, as we do. */
const textOf = (bytes: Buffer): string => bytes.toString('utf8');

function yaml(
  name: string,
  schema: z.ZodType,
  read: (text: string) => { readonly ok: boolean; readonly problems?: readonly { pointer: string; line: number }[] },
  contentOf: (found: never) => unknown,
): Reader {
  return {
    name,
    schema,
    at: AT[name] ?? {},
    read(bytes) {
      const found = read(textOf(bytes));
      if (found.ok) return { ok: true, value: contentOf(found as never) };
      // A fault of the text itself has a line and no pointer.
      return {
        ok: false,
        places: (found.problems ?? []).map(({ pointer, line }) => (pointer === '' ? `line ${line}` : pointer)),
      };
    },
  };
}

const kinds = KINDS.map((kind) =>
  yaml(
    kind.kind,
    kind.document as unknown as z.ZodType,
    (text) => parseDocuments(text, { file: 'hostile.yaml' }),
    (found: { documents: readonly { content: unknown }[] }) => found.documents[0]?.content,
  ),
);

/** Whether it is written as it was read: nothing twice, nothing that JSON lost, no nesting that exhausts a stack. */
function sameAgain(value: unknown, bytes: Buffer): boolean {
  try {
    return serialise(value).equals(bytes);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** A configuration is a file, and its problems are lines for people. */
function file(name: string, schema: z.ZodType, at: Reader['at'], wrap: (value: string) => string): Reader {
  return {
    name,
    schema,
    at,
    read(bytes) {
      const folder = mkdtempSync(join(tmpdir(), 'headgate-hostile-'));
      try {
        const path = join(folder, 'agent.yaml');
        writeFileSync(path, wrap(textOf(bytes)));
        const found = loadConfig(path);
        if (found.ok) return { ok: true, value: found.config };
        return { ok: false, places: found.problems.map(placeOf) };
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}

/** `agent.yaml:3:7 cells[0].dir: expected …`, or without a pointer where the text itself is at fault. */
function placeOf(line: string): string {
  const [, number, pointer] = /:(\d+):\d+(?: (\S+?))?: expected/.exec(line) ?? [];
  return pointer?.replace(/^cells\[0\]\.?/, '') ?? `line ${number ?? '?'}`;
}

const AGENT = { server: 'http://127.0.0.1:1', name: 'a', tokenFile: '/a', dataDir: '/b', trustFile: '/c' };

const cells = [
  ['cell of processes', CellConfig],
  ['cell of Odoo', OdooCellConfig],
] as const;

export const READERS: readonly Reader[] = [
  ...kinds,
  yaml(
    'Service',
    service.document as unknown as z.ZodType,
    (text) => readService(text, 'hostile.yaml'),
    (found: { service: unknown }) => found.service,
  ),
  yaml(
    'Trust',
    trustSchema,
    (text) => parseTrust(text, 'trust.yaml'),
    () => undefined,
  ),
  {
    name: 'release manifest',
    schema: manifestSchema as unknown as z.ZodType,
    at: { 'migrations[].from': 0, 'migrations[].to': 1 },
    read(bytes) {
      const value: unknown = JSON.parse(textOf(bytes));
      // It is signed and read as canonical bytes: what can't be written so again is another manifest than was signed.
      if (!isUtf8(bytes) || !sameAgain(value, bytes)) return { ok: false, places: ['line 1'] };
      let canonical: Buffer;
      try {
        canonical = canonicalBytes(value);
      } catch (error) {
        return { ok: false, places: [(error as NotCanonical).pointer] };
      }
      const found = readManifest(canonical);
      if (found.ok) return { ok: true, value };
      return { ok: false, places: found.problems.map(({ pointer }) => (pointer === '' ? 'line 1' : pointer)) };
    },
  },
  {
    name: 'test result',
    schema: testResultPredicate as unknown as z.ZodType,
    at: {},
    read(bytes) {
      // It arrives in a signed statement: that bytes and keys are sound was asked before, of the statement.
      if (!isUtf8(bytes) || !sameAgain(JSON.parse(textOf(bytes)), bytes)) return { ok: false, places: ['line 1'] };
      const found = testResult.read(JSON.parse(textOf(bytes)) as Record<string, unknown>);
      return found.ok
        ? { ok: true, value: found.result }
        : { ok: false, places: [found.where.replace(/^predicate\.?/, '').replace(/^\["(\S+?)"\]/, '$1')] };
    },
  },
  file('agent.yaml', agentForm as unknown as z.ZodType, {}, (text) => text),
  ...cells.map(([name, form]) =>
    file(
      name,
      form as unknown as z.ZodType,
      {},
      (text) => `{"environments": [{"name": "alpha"}], ${JSON.stringify(AGENT).slice(1, -1)}, "cells": [\n${text}]}`,
    ),
  ),
];
