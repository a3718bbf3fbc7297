/** A database that is away for a while is a fault that was planned; everything else is a bug. */
export function ignoreUnavailable(error: unknown): undefined {
  if (error instanceof Error && error.name === 'StoreUnavailable') return undefined;
  throw error;
}
