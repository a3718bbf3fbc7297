import type { Component, ReleaseManifest, ReleaseRef, SchemaRange } from '@headgate/domain';
import type { Answer } from './answer.ts';
import type { StepContext } from './step-context.ts';

/** One component, as it is seen running in a slot. */
export interface ComponentObservation {
  readonly name: string;
  readonly role: Component['role'];
  readonly alive: boolean;
  /** Answers its health path; a component without one is healthy while it lives. */
  readonly healthy: boolean;
}

/** What is seen in a slot. `intact`: every file was read back and has the digest that the manifest says. */
export interface SlotObservation {
  readonly slot: string;
  readonly phase: 'empty' | 'deploying' | 'running' | 'retiring';
  readonly release?: ReleaseRef;
  readonly schemaRange?: SchemaRange;
  readonly intact: boolean;
  /** Files that are missing or have other bytes than the manifest says. */
  readonly tampered: readonly string[];
  readonly components: readonly ComponentObservation[];
}

/** Where code runs: process, Docker, Kubernetes … A slot holds one release or nothing. */
export interface Target {
  /** The cell's slots. */
  readonly slots: readonly string[];
  observe(slot: string): Promise<SlotObservation>;
  /** What is wrong with the slot's health at this moment, in words; `undefined` when nothing is. Cheap: files aren't read. */
  ailment(slot: string): Promise<string | undefined>;
  /** Replaces what runs in the slot by this release and waits until it is healthy. The caller made sure that no tenant is routed to it. */
  deploy(
    slot: string,
    release: ReleaseRef,
    manifest: ReleaseManifest,
    ctx: StepContext,
  ): Promise<Answer<SlotObservation>>;
  /** Stops what runs in the slot, letting it drain, and empties it. */
  retire(slot: string, ctx: StepContext): Promise<Answer<SlotObservation>>;
}
