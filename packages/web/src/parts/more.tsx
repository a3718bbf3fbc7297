import { Button } from '@mantine/core';

/** Fetches the next page of a list, as long as there is one. */
export function More({
  of,
}: {
  readonly of: { readonly hasNextPage: boolean; readonly isFetchingNextPage: boolean; fetchNextPage(): unknown };
}) {
  if (!of.hasNextPage) return null;
  return (
    <Button variant="subtle" onClick={() => of.fetchNextPage()} loading={of.isFetchingNextPage} className="more">
      More
    </Button>
  );
}
