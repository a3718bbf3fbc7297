import type { Action, Plan } from '@headgate/domain';

/** A plan for people. */
export function planText(plan: Plan): string {
  const lines = [
    `${plan.application} ${plan.release.version} (${plan.release.digest.slice(7, 19)}) to ${plan.environment}; risk ${plan.risk.level}: ${plan.risk.because.join('; ')}`,
    plan.pointOfNoReturn === null
      ? 'Every step can be undone.'
      : `Point of no return: ${plan.pointOfNoReturn.step} in ${plan.pointOfNoReturn.cell}: ${plan.pointOfNoReturn.because}`,
  ];
  for (const wave of plan.waves) {
    lines.push(
      '',
      `Wave ${wave.n}: ring ${wave.ring} in ${wave.cells.join(', ')}, watched for ${wave.soakMs / 1000} s`,
    );
    for (const cell of plan.cells)
      for (const step of cell.steps)
        if (step.wave === wave.n)
          lines.push(
            `  ${cell.cell}  ${step.id}: ${actionText(step.action)}; undo: ${step.undo.kind === 'keep' ? `stays, ${step.undo.because}` : actionText(step.undo.action)}`,
          );
  }
  return `${lines.join('\n')}\n`;
}

function actionText(action: Action): string {
  switch (action.kind) {
    case 'deploy':
      return `deploy ${action.release.version} to slot ${action.slot}`;
    case 'route':
      return `route ${action.tenants.join(', ')} to slot ${action.slot}`;
    case 'migrate':
    case 'unmigrate':
      return `${action.kind} store ${action.store} from ${action.from} to ${action.to}`;
    case 'retire':
      return `retire slot ${action.slot}`;
    case 'verify':
    case 'soak':
      return `${action.kind} ${action.tenants.join(', ')} with ${action.verification.name}`;
    default:
      return `${action.kind} store ${action.store}`;
  }
}
