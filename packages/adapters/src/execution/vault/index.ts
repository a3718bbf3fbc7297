/**
 * A vault: where restore points are kept in a second failure domain. Whoever has the store's disk, or the object store, has
 * nothing yet: the parts are encrypted for recipients whose identities aren't on the agent's machine, and the manifest is
 * signed by a key that isn't in the object store.
 *
 *   points/<environment>/<cell>/<store>/<id>/contents.age         the restore point's own manifest: every file
 *   points/<environment>/<cell>/<store>/<id>/database-00001.age   the database's files, one after the other, cut into parts
 *   points/<environment>/<cell>/<store>/<id>/files-00001.age      the folders' files, likewise
 *   points/<environment>/<cell>/<store>/<id>/sealed.json          the signed manifest: whose it is, and every part in order
 *
 * Sealing writes the parts, reads each back, and writes `sealed.json` last: a folder without it is no restore point, and is
 * swept after a day. Fetching goes the other way: signature, identity, sizes, digests, decryption and every single file are
 * checked before a restore point appears; whatever is wrong is refused by the name of the part.
 */
export * from './cell-vault.ts';
export * from './fetch-point.ts';
export * from './open-cell-vault.ts';
export * from './open-sealed.ts';
export * from './seal-point.ts';
export * from './tidy-vault.ts';
export * from './unseal-point.ts';
export * from './vault-config.ts';
export * from './vault-key.ts';
export * from './vault-keys.ts';
export * from './vaulted-points.ts';
