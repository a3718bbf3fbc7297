/**
 * The agent: a process of its own inside an environment, which alone holds that environment's credentials. It only ever
 * calls out. It leases one step a cell at a time, judges it on its own (`checks/`) with what a person pinned at its
 * enrolment, and only then lets an executor act. What it starts lives on without it and is adopted by the next one, so it
 * may be killed at any moment.
 *
 *   <data>/agent.yaml              what it is
 *   <data>/trust.yaml              whose releases count, and which log: pinned by a person
 *   <data>/high-water.json         the newest token that was acted on, by cell
 *   <data>/baselines.json          what it saw running at its first look
 *   <data>/blobs/                  bytes by digest, hashed again at each reading
 *   <data>/tree-head.note          the log's head as it was last seen, and tree-head.cosigned.note
 *   <data>/witness.pem, .pub       its own key, with which it co-signs heads
 *   <data>/standing.json           the last assignment of each cell: what an undo of its own is made from
 *   <data>/undone.jsonl            what it undid by itself while the server was away
 *   <data>/contact.json            since when the server is away; silence.json, silence-clock.json: since when it is silent
 *   <data>/bundles.json            which blob seals which release
 *   <data>/door/agent.sock         where a person on the machine asks it: `status`, `rollback`
 *   <data>/FORK-ALARM.json         the log contradicted itself: nothing goes forward until a person removes it
 *
 * `assignments/` is the protocol (lease, renew, carry out, settle), `cells/` keeps and observes, `heads/` witnesses the
 * log, `away/` is what it does while the server is away, `artifacts/` fetches and verifies, `marks/` refuses replays.
 */
export * from './agent.ts';
export type { Cell, Seen } from './cells/cell.ts';
export { cellOn, openRealCell } from './cells/real-cell.ts';
export { type AgentConfig, loadConfig } from './config.ts';
export { ControlPlane } from './control-plane/control-plane.ts';
export { type Enrolled, type Enrolment, enrol } from './enrol.ts';
export { openLog } from './log.ts';
export { runProgram } from './program.ts';
