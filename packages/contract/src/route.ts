import type { z } from 'zod';

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** What a body is besides JSON: raw bytes, a text, or a stream of server-sent events. */
export type Medium = 'octets' | 'text' | 'events';

/** One route of the API, as data: server, client and OpenAPI document are made from it. */
export interface Route {
  readonly method: Method;
  /** With `{param}` places. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  /** Verbs of the access table, any of which suffices; empty for the routes that need no token. */
  readonly needs: readonly string[];
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** What stands in headers of ours ({@link headerOf}): older servers overlook a header, and refuse what they don't know in a query. */
  readonly headers?: z.ZodObject;
  /** A schema for JSON, or what else it is. */
  readonly body?: z.ZodType | 'octets';
  /** Largest body in bytes; 1 MiB unless said. */
  readonly maxBytes?: number;
  /** Values that a JSON body holds at most; 50,000 unless said. More than its schema can take are refused unread. */
  readonly maxValues?: number;
  readonly response: z.ZodType | Medium;
  /** Of success; 200 unless said. */
  readonly status?: number;
  /** Why sending it twice is harmless; on every route that changes something. */
  readonly twice?: string;
}

/** Keeps a route's own types, which `satisfies` alone would widen in a shared record. */
export function route<const R extends Route>(r: R): R {
  return r;
}

/** A schema, without naming the library that it is made with. */
export type Schema = z.ZodType;

/** What a schema makes of its input; nothing without a schema. */
export type Parsed<S> = S extends z.ZodType ? z.output<S> : object;

type Input<S> = S extends z.ZodType ? z.input<S> : object;

/** The header in which a field of `headers` travels. */
export function headerOf(field: string): string {
  return `headgate-${field}`;
}

/** What a call takes: params, query and headers side by side, the body under `body`. */
export type CallInput<R extends Route> = Input<R['params']> &
  Input<R['query']> &
  Input<R['headers']> &
  (R['body'] extends 'octets'
    ? { body: Uint8Array }
    : R['body'] extends z.ZodType
      ? { body: z.input<R['body']> }
      : object);

/** What a call answers. */
export type CallOutput<R extends Route> = R['response'] extends z.ZodType
  ? z.output<R['response']>
  : R['response'] extends 'octets'
    ? Uint8Array
    : string;

export const DEFAULT_MAX_BYTES = 1024 * 1024;
