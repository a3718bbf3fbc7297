import { type LogEvent, logEvent } from '@headgate/contract';

export interface PlacedEvent {
  readonly place: number;
  /** Undefined: the bytes aren't an entry that this page can read. */
  readonly event: LogEvent | undefined;
}

/** An entry of the log from its bytes, base64. */
export function entryOf({ place, bytes }: { readonly place: number; readonly bytes: string }): PlacedEvent {
  try {
    const raw = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
    const read = logEvent.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw)));
    return { place, event: read.success ? read.data : undefined };
  } catch {
    return { place, event: undefined };
  }
}

/** An entry's data in one line. */
export function dataText(data: LogEvent['data'], most = 300): string {
  const text = JSON.stringify(data);
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
