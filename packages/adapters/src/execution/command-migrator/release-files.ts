import { type Answer, denied, granted, type StepContext } from '@headgate/execution';
import { staysInside } from '../process/slot-files.ts';
import { layOutFiles } from '../program-run/lay-out-files.ts';

/** Writes the files of a release's component anew into a folder: the command runs on the very bytes that were signed. */
export async function layOutComponent(component: string, dir: string, ctx: StepContext): Promise<Answer<void>> {
  if (!ctx.release)
    return denied('rejected', `no release stands behind this step, and the command needs its ${component}`);
  const manifest = await ctx.manifest(ctx.release);
  const found = manifest.components.find(({ name }) => name === component);
  if (!found)
    return denied(
      'rejected',
      `the release ${manifest.version} has no component ${component}, which the command runs in`,
    );
  const escaping = found.files.find(({ name }) => !staysInside(name));
  if (escaping) return denied('rejected', `a file of ${component} would leave its folder`);
  await layOutFiles(found.files, dir, ctx);
  return granted(undefined);
}
