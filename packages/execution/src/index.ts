/**
 * How steps are carried out. A plan's action names an executor and gives it its parameters; the executor looks at what
 * is there, does what is missing through a port, reads the effect back and says how it went in one Outcome. It chooses
 * nothing: what could be chosen stands in the plan. Steps happen at least once, so each executor may be called again
 * after it was killed anywhere, and a fence goes with each effect, so that a forgotten attempt can't act late.
 *
 * `ports/` says what the outside must be able to do, one file each; the adapters do it.
 */
export * from './compensation/compensate.ts';
export * from './compensation/look-twice.ts';
export * from './ports/index.ts';
export { EXECUTORS, execute } from './steps/index.ts';
export type { ActionOf, StepExecutor } from './steps/step-executor.ts';
