/**
 * A service in about twenty lines. Everything that Headgate needs to know of a system is a document of its own, and a
 * company writes them once for its ERP. Whoever has a web service and a database writes a `Service`: it is expanded into
 * those documents (`expand.ts`), into an agent's cell, and into each release's manifest. Each takes its part; none is told twice.
 */
export * from './expand.ts';
export { contractsUnasked } from './gates.ts';
export * from './migration-files.ts';
export * from './names.ts';
export * from './read-service.ts';
export type { ServiceContent, ServiceEnvironment, UrlSource } from './service.ts';
export * from './service-release.ts';
