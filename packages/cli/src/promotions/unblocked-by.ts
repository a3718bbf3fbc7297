/** What would unblock something, and who can do it; what nobody has to do is said without anybody's name. */
export function unblockedBy({ who, unblock }: { readonly who: string; readonly unblock: string }): string {
  return who === 'nobody' ? `to unblock: ${unblock}` : `to unblock (${who}): ${unblock}`;
}
