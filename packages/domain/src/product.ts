/** The product's name and its API group: the one place where they stand. */
export const PRODUCT = 'Headgate';
export const API_VERSION = 'headgate/v1';
