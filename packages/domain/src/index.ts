/** Headgate's domain: the model and everything that decides. Pure and synchronous: no clock, no randomness, no I/O. */
export * from './product.ts';
export * from './model/identity.ts';
export * from './model/release.ts';
export * from './model/cell.ts';
export * from './model/outcome.ts';
export * from './plan/plan.ts';
