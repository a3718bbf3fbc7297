import type { Digest } from '@headgate/domain';

/** Bytes by their digest: artifacts, plans, bundles, documents, reports. Writing the same bytes twice is one blob. */
export interface Blobs {
  /** At most 64 MiB; larger is refused by an error that says so. */
  put(bytes: Uint8Array): Promise<Digest>;
  get(digest: Digest): Promise<Uint8Array | undefined>;
}
