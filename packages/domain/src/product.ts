/** The product's name and its API group: the one place where they stand. */
export const PRODUCT = 'Headgate';
export const API_VERSION = 'headgate/v1';
/** Forms of documents from before, the oldest first: they are still read, and never written. */
export const OLDER_API_VERSIONS = ['headgate/v1alpha1'] as const;
