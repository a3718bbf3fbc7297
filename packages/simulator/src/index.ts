/**
 * The simulator lives through promotions in virtual time, with everything that goes wrong in real life: servers that
 * crash before and after a commit, agents that act late or twice, people who may not, clocks that differ. What decides
 * is the shipped code: domain, use cases and controllers over the in-memory store. What is simulated is the world around
 * it, and that world is drawn from a seed, so that each promotion can be lived through again.
 *
 * `history/` holds the design's invariants and checks them entry by entry; it needs the log and the plans alone, so
 * `checkHistory` judges the log of a real control plane too. `world/` holds the installation, its targets, agents and
 * people; `engine/` the clock, the agenda and the servers; `planted/` takes away one protection at a time and demands
 * that somebody notices.
 */
export * from './history/history-checker.ts';
export * from './history/invariants.ts';
export type * from './history/recorded.ts';
export * from './shrink.ts';
export * from './simulate.ts';
export * from './world/scenario.ts';
