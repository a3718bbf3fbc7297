/** What a call to Odoo's RPC says of the database that it is for. */
export type NamedDatabase =
  /** The first parameter: what Odoo opens, whatever host or header the request came with. */
  | { readonly kind: 'database'; readonly name: string }
  /** It asks for the server's version alone. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly why: string };

/** Calls of the service `common` that open no database. */
export const NAMES_NONE: ReadonlySet<string> = new Set(['version', 'about']);

export function unreadable(why: string): NamedDatabase {
  return { kind: 'unreadable', why };
}
