/**
 * What this machine offers and how it is used safely: the named user that customers' processes run as, the identity of a
 * process (a pid alone is reused), the homes of data folders, files that survive a power cut whole, free ports. Linux only, like everything that
 * starts programs here. Both sides of the house stand on it: the server's own database and the agent's cells.
 */
export * from './boot-identity.ts';
export * from './bounded-log.ts';
export * from './data-folder-holder.ts';
export * from './data-folder-lock.ts';
export * from './data-format.ts';
export * from './durable-file.ts';
export * from './free-port.ts';
export * from './home-of.ts';
export * from './home-record.ts';
export * from './make-folder.ts';
export * from './mount-points.ts';
export * from './process-identity.ts';
export * from './processes-in.ts';
export * from './program-copy.ts';
export * from './reachable.ts';
export * from './run-as.ts';
export * from './sweep-homes.ts';
