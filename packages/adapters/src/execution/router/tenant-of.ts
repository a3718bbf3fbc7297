/** How a request names its tenant: by its path, `/t/<tenant>/…`, by the first label of its host, or not: there is one. */
export type TenantBy = 'path' | 'host' | { readonly one: string };

/** Whose request it is, by its target and its host; an empty name is nobody's. */
export function tenantOf(by: TenantBy, target: string, host: string | undefined): string {
  if (by === 'path') return /^\/t\/([^/?]*)/.exec(target)?.[1] ?? '';
  return by === 'host' ? firstLabel(host) : by.one;
}

/** `t1` of `t1.example.org:8080`; a bare name or an address is nobody's. */
function firstLabel(host: string | undefined): string {
  const [label = '', ...rest] = (host ?? '').toLowerCase().split(':')[0]?.split('.') ?? [];
  return rest.length === 0 ? '' : label;
}
