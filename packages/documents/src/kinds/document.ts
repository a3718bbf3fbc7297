/** What all declared documents have in common, in the Kubernetes style. */
import { API_VERSION, type Digest } from '@headgate/domain';
import { z } from 'zod';
import { expects, fields, mapping, name, text } from '../schema/fields.ts';
import type { Path } from '../schema/problems.ts';
import type { Place } from '../yaml/read-yaml.ts';

export interface Metadata {
  readonly name: string;
  /** The team or person who answers for it: a pseudonymous id or a team's name. */
  readonly owner: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A declared document's content: what its digest is of. */
export interface Content<Kind extends string = string, Spec = unknown> {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: Kind;
  readonly metadata: Metadata;
  readonly spec: Spec;
}

/** A document that was read: its content, its identity and where it stands. */
export interface Parsed<C extends Content = Content> {
  readonly content: C;
  /** SHA-256 of the content's canonical JSON. */
  readonly digest: Digest;
  readonly place: Place;
  /** Where a value of the content stands in the file. */
  placeOf(path: Path): Place;
}

const ownerPhrase = expects('an owner: a team or principal id of letters, digits, _ . : @ / -, at most 100');

const metadata = fields({
  name: name.describe('Unique among the documents of its kind.'),
  owner: z
    .string(ownerPhrase)
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,99}$/, ownerPhrase)
    .describe('The team or person who answers for it.'),
  labels: mapping(
    text(63).regex(/^[A-Za-z0-9][A-Za-z0-9_./-]*$/, expects('a label: letters, digits, _ . / -')),
    z.string(expects('a text')).max(200, expects('at most 200 characters')),
    50,
  )
    .exactOptional()
    .describe('For people and searches; nothing decides by them.'),
});

/** A kind of document: its name, what it is for, and the form of its spec. */
export interface Kind<Name extends string = string, Spec extends z.ZodType = z.ZodType> {
  readonly kind: Name;
  readonly summary: string;
  readonly spec: Spec;
  /** The form of the whole document. */
  readonly document: z.ZodType<Content<Name, z.output<Spec>>>;
}

/** Declares a kind. */
export function kind<const Name extends string, Spec extends z.ZodType>(
  name: Name,
  summary: string,
  spec: Spec,
): Kind<Name, Spec> {
  const document = fields({
    apiVersion: z.literal(API_VERSION, expects(`"${API_VERSION}"`)),
    kind: z.literal(name, expects(`"${name}"`)),
    metadata,
    spec,
  }).describe(summary);
  return { kind: name, summary, spec, document: document as unknown as Kind<Name, Spec>['document'] };
}

/** The content type of a kind. */
export type ContentOf<K> = K extends Kind<infer Name, infer Spec> ? Content<Name, Readonly<z.output<Spec>>> : never;
