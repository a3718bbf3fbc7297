/**
 * The `process` target: a release's components as supervised child processes in two slots of a cell's folder.
 *
 *   <cell>/fence.json                       highest fence seen; what comes with a lower one is refused
 *   <cell>/slots/<slot>/release.json        what the slot holds, and its phase
 *   <cell>/slots/<slot>/manifest.json       the release's manifest, whole
 *   <cell>/slots/<slot>/files/<component>/  the files, by the release's names
 *   <cell>/slots/<slot>/run/<component>/    working folder of the process, by which orphans are found
 *   <cell>/slots/<slot>/<component>.pid.json, <component>.log
 *
 * The processes outlive the agent: detached, told apart by pid, start time and boot. One agent acts on a cell at a
 * time; the kernel gives up its hold when it dies, however it dies.
 */
export * from './cell-hold.ts';
export * from './fence-file.ts';
export * from './process-target.ts';
export * from './slot-files.ts';
export * from './slot-record.ts';
export * from './supervisor.ts';
