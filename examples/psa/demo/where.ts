import { folderSize, homeOf } from '@headgate/adapters/machine/home-of';

/** Where a demonstration's data lies, how much it is, and how to be rid of it: lines for a person. */
export async function whereItLies(dataDir: string): Promise<readonly string[]> {
  const home = await homeOf(dataDir).catch(() => undefined);
  const outside = home === undefined ? '' : `, and ${await size(home.path)} outside of it, in ${home.path}`;
  return [
    `its data stays: ${await size(dataDir)} in ${dataDir}${outside}`,
    `be rid of all of it, once it is stopped: npm run headgate -- data remove ${dataDir}`,
  ];
}

async function size(folder: string): Promise<string> {
  const { bytes } = await folderSize(folder);
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.max(1, Math.round(bytes / 1e6))} MB`;
}
