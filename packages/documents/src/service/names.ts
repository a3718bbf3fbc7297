import type { ServiceContent, ServiceEnvironment } from './service.ts';

/** The component of every service: there is one. */
export const SERVICE_COMPONENT = 'web';
/** The ring that its one tenant is in. */
export const SERVICE_RING = 'all';
/** Two places for code, so that a release comes up beside the one that serves. */
export const SERVICE_SLOTS = ['blue', 'green'] as const;

/** A service's cell in an environment: `shop-production`; never doubled where the environment is called so already. */
export function serviceCellName(
  { metadata }: Pick<ServiceContent, 'metadata'>,
  { name }: Pick<ServiceEnvironment, 'name'>,
): string {
  return name === metadata.name || name.startsWith(`${metadata.name}-`) ? name : `${metadata.name}-${name}`;
}

/** The store of that cell. */
export function serviceStoreName(
  service: Pick<ServiceContent, 'metadata'>,
  environment: Pick<ServiceEnvironment, 'name'>,
): string {
  return `${serviceCellName(service, environment)}-db`;
}
