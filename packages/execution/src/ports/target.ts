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
  /**
   * Replaces what runs in the slot by this release and waits until it is healthy. The caller made sure that no tenant is
   * routed to it. When the slot serves this release already, only the fence rises.
   */
  deploy(
    slot: string,
    release: ReleaseRef,
    manifest: ReleaseManifest,
    ctx: StepContext,
  ): Promise<Answer<SlotObservation>>;
  /** Stops what runs in the slot, letting it drain, and empties it. Empty already: only the fence rises. */
  retire(slot: string, ctx: StepContext): Promise<Answer<SlotObservation>>;
}

/** Whether a slot serves this very release: its own bytes, alive and healthy. */
export function serves(seen: SlotObservation, release: ReleaseRef): boolean {
  return (
    seen.phase === 'running' &&
    seen.release?.digest === release.digest &&
    seen.intact &&
    seen.components.every((component) => component.alive && component.healthy)
  );
}
