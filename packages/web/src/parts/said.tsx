import { Code } from '@mantine/core';
import { visible, withShortDigests } from '../words/visible.ts';

/** A text that the server or somebody behind it said, with digests cut, or `whole` where they are to be carried over: as text, each direction kept to itself, nothing unseen. */
export function Said({ children, whole = false }: { readonly children: string; readonly whole?: boolean }) {
  const parts = visible(whole ? children : withShortDigests(children)).split(/`([^`\n]{1,200})`/);
  return (
    <bdi className="said">
      {parts.map((part, i) => {
        // Every second part stood between backticks: a command to type.
        if (i % 2 === 0) return part;
        // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text never change places
        return <Code key={i}>{part}</Code>;
      })}
    </bdi>
  );
}
