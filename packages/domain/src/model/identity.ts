/**
 * Names and digests. Everything that Headgate promotes, approves or proves is named by the SHA-256 of its canonical
 * bytes; everything that people declare is named by a short DNS-like label.
 */

/** `sha256:` and 64 lower-case hexadecimal digits. */
export type Digest = `sha256:${string}`;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && DIGEST.test(text);
}

/**
 * RFC 1123 label, as in Kubernetes: what applications, environments, cells, slots, stores, tenants and rings are named.
 * All but one: where names are keys, as in a cell's slots and tenants, `constructor` would be there without being declared.
 */
export const NAME_PATTERN = /^(?!constructor$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export function isName(text: unknown): text is string {
  return typeof text === 'string' && NAME_PATTERN.test(text);
}

/** A pseudonymous principal id (`usr_…`, `agt_…`, `sys`): no personal data, because it goes on the log. */
export type PrincipalId = string;

/** Milliseconds since the Unix epoch, always read from the control plane's one clock: the database's. */
export type Instant = number;
