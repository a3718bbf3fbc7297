/**
 * Where copies are kept in a second failure domain. Two kinds, one meaning (`objectStoreSuite` in the testkit says it): a
 * folder on another disk or machine, and a bucket behind the S3 API.
 *
 * An object is there whole or not at all. What a put that was cut short left behind is never listed, and swept later. What a
 * store says of its own protection is asked each time; what it can't say is unknown, and unknown is never taken for yes.
 */
export * from './folder-store.ts';
export * from './object-store-config.ts';
export * from './open-object-store.ts';
export * from './s3-store.ts';
