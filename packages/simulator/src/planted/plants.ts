/**
 * Protections of the shipped code, each with how it is taken away: a text of a source file and what stands there
 * instead, as the file is loaded. A plant whose text is gone fails, so that the list stays true; whitespace is free.
 */
export interface Plant {
  readonly name: string;
  /** Below `packages/`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Where alone it shows, so that nothing else is lived through: control planes that were restored, tenants with own stores. */
  readonly only: 'restored' | 'own-stores' | undefined;
}

const MEMORY = 'control/src/memory/memory-store.ts';
const ASSIGNMENT = 'domain/src/rollout/assignment.ts';
const ROLLOUT = 'domain/src/rollout/decide.ts';
const PROMOTION = 'domain/src/promotion/decide.ts';
const COMMANDS = 'domain/src/promotion/commands.ts';
const OVERTAKE = 'domain/src/promotion/overtake.ts';
const UNDO = 'domain/src/plan/undo.ts';
const JUDGE = 'domain/src/recovery/judge-cell.ts';

function plant(name: string, file: string, find: string, replace: string, only?: Plant['only']): Plant {
  return { name, file, find, replace, only };
}

export const PLANTS: readonly Plant[] = [
  // The store: facts and versions.
  plant(
    'version-fence',
    MEMORY,
    "if (this.#version(stream) !== expected) return { ok: false, conflict: stream, because: 'version' };",
    '',
  ),
  plant(
    'reads-check',
    MEMORY,
    "if (this.#version(stream) !== version) return { ok: false, conflict: stream, because: 'version' };",
    '',
  ),
  plant('exclusive-key', MEMORY, '?? this.#exclusiveConflict(commit.writes)', ''),
  // Once, by the right one.
  plant(
    'request-key',
    'control/src/use-cases/request-promotion.ts',
    '`prm_${deps.digestOf([principal.id, request.key]).slice(7, 31)}`',
    "deps.newId('prm')",
  ),
  plant(
    'step-key',
    'control/src/use-cases/lease-step.ts',
    'idempotencyKey: `${state.id}/${step.id}`',
    'idempotencyKey: `${state.id}/${step.id}/${state.n}`',
  ),
  plant('lease-holder', ASSIGNMENT, 'if (state.agent !== agent)', 'if (false)'),
  plant(
    'settled-assignment',
    ASSIGNMENT,
    "if (state.phase !== 'leased' || state.n !== n)",
    "if (state.phase !== 'leased')",
  ),
  plant(
    'lease-runs-out',
    ROLLOUT,
    'return facts.dueAt !== null && now < facts.dueAt && now < state.until',
    'return true',
  ),
  plant('lease-revoked-by-undo', ROLLOUT, "if (state.phase === 'leased')\n    events.push(", 'if (false) events.push('),
  plant('fence-epoch', 'domain/src/protocol/fence.ts', 'a.epoch - b.epoch || a.n - b.n', 'a.n - b.n', 'restored'),
  plant('fence-number', 'domain/src/protocol/fence.ts', 'a.epoch - b.epoch || a.n - b.n', 'a.epoch - b.epoch'),
  plant(
    'fence-across-rollouts',
    'control/src/controllers/rollout-controller.ts',
    'const assigned = Math.max(record?.assigned ?? 0, state.n);',
    'const assigned = 0;',
  ),
  plant(
    'forgotten-outcome',
    'control/src/use-cases/settle-step.ts',
    "if (epoch !== deps.epoch) return forgotten('settle a step', stream, epoch);",
    '',
    'restored',
  ),
  plant('nothing-before-reading', ROLLOUT, 'if (facts.unread !== undefined) return', 'if (false) return', 'restored'),
  plant('read-back-done', JUDGE, 'Math.max(rollout.cursor, marked - 1)', 'rollout.cursor', 'restored'),
  plant('read-back-begun', JUDGE, 'Math.max(rollout.begun, marked)', 'rollout.begun', 'restored'),
  plant('taken-back-goes-back', JUDGE, 'if (wider || (undone && forward))', 'if (false)', 'restored'),
  // Gates, where they stand and what they say.
  plant('gates-before-wave', PROMOTION, 'const closed = verdicts.filter((v) => !goesOn(v));', 'const closed = [];'),
  plant(
    'gates-at-lease',
    ASSIGNMENT,
    'if (closed !== undefined)\n      return heldFor(state',
    'if (false)\n      return heldFor(state',
  ),
  plant('gates-before-step', ROLLOUT, 'return closed === undefined ? undefined', 'return true ? undefined'),
  plant(
    'no-data-is-no-pass',
    'domain/src/gates/gate.ts',
    "return verdict.verdict === 'pass' ||",
    "return verdict.verdict === 'no-data' || verdict.verdict === 'pass' ||",
  ),
  plant('approval-count', 'domain/src/gates/approval.ts', 'if (holding.length >= count)', 'if (holding.length >= 0)'),
  plant('approval-expiry', 'domain/src/gates/approval.ts', '&& a.expiresAt > facts.now', ''),
  plant('freeze', 'domain/src/gates/window.ts', 'if (freeze !== undefined)', 'if (false)'),
  plant(
    'freeze-without-gate',
    'domain/src/gates/catalog.ts',
    'return frozen === undefined ? verdicts',
    'return true ? verdicts',
  ),
  plant('window', 'domain/src/gates/window.ts', 'if (closed !== undefined)', 'if (false)'),
  plant('tests-green', 'domain/src/gates/tests-passed.ts', 'if (red !== undefined)', 'if (false)'),
  plant(
    'analysis-sound',
    'domain/src/gates/migrations-analysed.ts',
    'if (first !== undefined) return refused(',
    'if (false) return refused(',
  ),
  plant('rehearsal-well', 'domain/src/gates/rehearsed.ts', 'if (!ok)', 'if (false)'),
  plant(
    'rollback-rehearsal-well',
    'domain/src/gates/rollback-rehearsed.ts',
    'if (!ok || because.length > 0 || missing.length > 0)',
    'if (false)',
  ),
  plant('soak-duration', 'domain/src/gates/soaked.ts', 'if (facts.now < readyAt)', 'if (false)'),
  plant(
    'moved-data-agrees',
    'domain/src/gates/moved-data-agrees.ts',
    'if (because === undefined) return pass(',
    'if (because !== undefined) return pass(',
  ),
  plant('standby-lag', 'domain/src/gates/standby-ready.ts', 'if (lagMs > asked.maxLagMs)', 'if (false)'),
  plant(
    'go-before-what-is-taken',
    'domain/src/plan/no-return.ts',
    'return isRestored(step) || takenBy(step).length > 0 ||',
    'return isRestored(step) ||',
  ),
  plant('go-said', 'domain/src/gates/catalog.ts', 'return subject.noReturn === true', 'return false'),
  plant(
    'go-by-author',
    'domain/src/promotion/commands.ts',
    "refused('author-approves', what, where, 'an author of the release never says go', 'somebody else')",
    "accepted({ type: 'promotion.go', data: { by, reason, at: now } })",
  ),
  plant('restore-point-age', 'domain/src/gates/restore-point.ts', 'if (ageMs > maxAgeMs)', 'if (false)'),
  // Readings.
  plant(
    'proven-outcome',
    ASSIGNMENT,
    'const outcome = provenOutcome(step.action, claimed);',
    'const outcome = claimed;',
  ),
  plant(
    'verified-restore-point',
    'domain/src/rollout/outcome-rules.ts',
    'return result.restorePoint.verified ? outcome :',
    'return true ? outcome :',
  ),
  plant(
    'hypercare-observed-lately',
    'domain/src/hypercare/hypercare.ts',
    'if (facts.now - seen.at > OBSERVATION_MAX_AGE_MS)',
    'if (false)',
  ),
  // People.
  plant('author-approves', COMMANDS, 'if (state.authors.includes(command.by))', 'if (false)'),
  plant('requester-approves', COMMANDS, 'if (state.requester === command.by)', 'if (false)'),
  plant('envelope', COMMANDS, 'if (command.envelope !== state.envelope)', 'if (false)'),
  plant(
    'roles',
    'domain/src/access/access.ts',
    'if (principal.roles.some((role) => roles.includes(role))) return { allowed: true };',
    'return { allowed: true };',
  ),
  plant(
    'approver-agrees',
    ROLLOUT,
    "if ('approver' in step && step.approver !== undefined && !state.undo.agreed) {\n      return act({\n        type: 'rollout.asked',",
    "if (false) {\n      return act({\n        type: 'rollout.asked',",
  ),
  plant('named-approver', ASSIGNMENT, "if (approver !== undefined && answer === 'agree' &&", 'if (false &&'),
  // The planner.
  plant(
    'schema-range-of-release',
    'domain/src/plan/migrations.ts',
    'if (!fits(manifest.schemaRange, to))',
    'if (false)',
  ),
  plant('schema-range-of-old-code', 'domain/src/plan/migrations.ts', 'if (!fits(range, to))', 'if (false)'),
  // Order: waves, course, base.
  plant('base-state', PROMOTION, 'if (state.wave === 0 && facts.baseChanged.length > 0)', 'if (false)'),
  plant(
    'wave-done',
    PROMOTION,
    'return rollout.undo === null && (next === undefined || next.wave > wave);',
    'return true;',
  ),
  plant('wave-open', ROLLOUT, 'if (wave > course.openWave)', 'if (false)'),
  plant('course', ROLLOUT, "if (course.kind !== 'forward') {", 'if (false) {'),
  plant('lease-looks-first', ASSIGNMENT, 'if (due.events.length > 0)', 'if (false)'),
  // Undo.
  plant(
    'undo-is-never-blocked',
    ASSIGNMENT,
    'if (state.undo === null) {\n    const closed',
    'if (true) {\n    const closed',
  ),
  plant('undo-scope-of-ring', UNDO, '(s.wave === scope.wave ? named(s) : [])', 'taken(s)'),
  plant(
    'undo-scope-of-tenant',
    UNDO,
    'new Set(scope.cell === undefined || scope.cell === cell.cell ? scope.tenants : [])',
    'new Set(movedTenants(cell, begun))',
  ),
  plant(
    'undo-traffic-first',
    UNDO,
    '} else steps.push(step);\n  }\n  return steps;',
    '} else steps.push(step);\n  }\n  return steps.reverse();',
  ),
  plant(
    'taken-back-once-new-code-wrote',
    UNDO,
    'const loses = losesFrom === undefined || begun.some(({ id }) => id === losesFrom);',
    'const loses = losesFrom === undefined;',
  ),
  plant(
    'undo-names-every-tenant',
    UNDO,
    "if ('store' in action && !namesAllOf(cell, action.store, scope, back)) continue;",
    '',
  ),
  // Tenants with stores of their own.
  plant('decline-holds-nobody', ASSIGNMENT, 'if (held.size > 0)', 'if (false)', 'own-stores'),
  plant(
    'decline-knows-what-was-agreed',
    'domain/src/rollout/tried.ts',
    'slice(0, undo.cursor + (undo.agreed ? 1 : 0));\n  const all',
    'slice(0, undo.cursor);\n  const all',
    'own-stores',
  ),
  plant('decline-of-nothing', ASSIGNMENT, 'if (approver === undefined || undo === null)', 'if (undo === null)'),
  plant('held-goes-back', UNDO, 'named.has(tenant) || held.has(tenant)', 'named.has(tenant)', 'own-stores'),
  plant('opened-again', UNDO, ', ...openAgain(cell, begun, back)', '', 'own-stores'),
  plant('own-undo-by-name', UNDO, '!step.of.every((tenant) => moved.has(tenant))', 'false', 'own-stores'),
  plant(
    'held-briefly',
    ROLLOUT,
    'return away === undefined\n      ? waitFor(state, closed.reason',
    'return true\n      ? waitFor(state, closed.reason',
    'own-stores',
  ),
  plant('opened-before-asking', UNDO, 'if (!asks && last.action', 'if (last.action', 'own-stores'),
  plant(
    'way-back-of-own-store',
    'domain/src/plan/own-stores.ts',
    'if (!bringsBack(',
    'if (false && !bringsBack(',
    'own-stores',
  ),
  plant(
    'held-before-upgrade',
    'domain/src/plan/own-stores.ts',
    "const hold = step('hold', { kind: 'hold', tenants }",
    "const hold = step('hold', { kind: 'open', tenants }",
  ),
  plant(
    'readers-away-before-upgrade',
    'domain/src/plan/own-stores.ts',
    "step('hold', { kind: 'hold', tenants }, opened",
    "step('hold', { kind: 'hold', tenants, reads: true }, opened",
    'own-stores',
  ),
  // Operations that a migration closes.
  plant(
    'closed-while-migrated',
    'domain/src/plan/read-only-window.ts',
    'return declared.filter(({ name }) => closes.has(name));',
    'return [];',
  ),
  plant('window-opened-again', UNDO, '...openWindow(cell, begun), ', ''),
  // What a release brings that can't be undone.
  plant(
    'closed-until-activated',
    'domain/src/plan/activation.ts',
    'if (activating.length === 0) return needs;',
    'return needs;',
  ),
  plant(
    'activated-last-of-all',
    'domain/src/plan/planner.ts',
    '[...waves, ...activationWaves(request, moves, whom, waves.length)]',
    '[...activationWaves(request, moves, whom, 0).slice(0, 1), ...waves.map((wave) => ({ ...wave, n: wave.n + 1 }))]',
  ),
  plant('opened-behind-who-goes-back', UNDO, 'steps.push(...behind);', ''),
  // Promotions for some tenants alone.
  plant('only-who-is-asked', 'domain/src/plan/slots.ts', 'only === undefined || only.has(name)', 'true'),
  plant(
    'store-of-others',
    'domain/src/plan/planner.ts',
    'const other = staying.find((name) => cell.tenants[name]?.store === store);',
    'const other = undefined as string | undefined;',
  ),
  plant('undone-when-whole', ROLLOUT, 'if (isWhole(cell, state.undo.scope, state.begun)) return', 'return'),
  // A hotfix that overtakes.
  plant(
    'overtaken-at-rest',
    OVERTAKE,
    "if (phase !== 'waiting' && phase !== 'offered' && !soaks(rollout, cell))",
    'if (false)',
  ),
  plant('overtaken-in-a-step', OVERTAKE, "cell.steps[cursor]?.action.kind === 'soak'", 'true'),
  plant('overtaken-half-way', OVERTAKE, '&& rollout.cursor < cell.steps.length', ''),
];

export function plantNamed(name: string): Plant {
  const found = PLANTS.find((p) => p.name === name);
  if (found === undefined) throw new Error(`there is no plant ${name}`);
  return found;
}

/** The source without the protection. Throws when the text isn't there exactly once. */
export function rewrite(plant: Plant, source: string): string {
  const pattern = plant.find
    .trim()
    .split(/\s+/)
    .map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('\\s+');
  const found = source.match(new RegExp(pattern, 'g')) ?? [];
  if (found.length !== 1)
    throw new Error(
      `plant ${plant.name}: its target text stands ${found.length} times in packages/${plant.file}, expected once: ${plant.find}`,
    );
  return source.replace(found[0] as string, () => plant.replace);
}
