/**
 * Bytes of bodies that are in memory at once, counted as they come: what is announced and doesn't come takes nobody's place.
 * People's and agents' each have their own room, and none of them has all of it.
 */
import type { Refusal } from '@headgate/domain';

type Kind = 'people' | 'agents';

/** Bytes of bodies, of all of a kind and of one principal among them. */
export interface Room {
  readonly most: number;
  readonly ofOne: number;
}

export type Rooms = Readonly<Record<Kind, Room>>;

const MIB = 1024 * 1024;

/**
 * One blob of the largest size, and as much as half of it for the others. While they are stored they are there twice.
 */
export const OCTETS_ROOMS: Rooms = {
  people: { most: 96 * MIB, ofOne: 64 * MIB },
  agents: { most: 96 * MIB, ofOne: 64 * MIB },
};

/** One body of the largest size, and two more of others. What is made of one takes some times as much. */
export const JSON_ROOMS: Rooms = {
  people: { most: 24 * MIB, ofOne: 8 * MIB },
  agents: { most: 48 * MIB, ofOne: 16 * MIB },
};

/** Of each body so much isn't counted: a lease's renewal never waits for others' large ones. How many there are is bounded. */
export const SMALL_BYTES = 64 * 1024;

/** One body on its way. */
export interface ComingBody {
  /** Counts bytes that came; the refusal when there is no room for them. */
  take(bytes: number): Refusal | undefined;
  /** It is over. */
  end(): void;
}

/** Counts what bodies on their way take of the memory. */
export class BodyBytes {
  readonly #rooms: Rooms;
  readonly #small: number;
  readonly #taken = { people: 0, agents: 0 };
  readonly #own = new Map<string, number>();

  constructor(rooms: Rooms, small = SMALL_BYTES) {
    this.#rooms = rooms;
    this.#small = small;
  }

  /** Begins a body that announces so many bytes: refused at once where they have no room now. */
  begin(kind: Kind, id: string, announced: number): ComingBody | { readonly refusal: Refusal } {
    const refusal = announced > this.#small ? this.#refuse(kind, id, announced) : undefined;
    if (refusal !== undefined) return { refusal };
    let came = 0;
    let taken = 0;
    let ended = false;
    return {
      take: (bytes) => {
        came += bytes;
        const more = Math.max(0, came - this.#small) - taken;
        if (ended || more <= 0) return undefined;
        const noRoom = this.#refuse(kind, id, more);
        if (noRoom !== undefined) return noRoom;
        taken += more;
        this.#add(kind, id, more);
        return undefined;
      },
      end: () => {
        if (!ended) this.#add(kind, id, -taken);
        ended = true;
      },
    };
  }

  #add(kind: Kind, id: string, bytes: number): void {
    this.#taken[kind] += bytes;
    const own = (this.#own.get(id) ?? 0) + bytes;
    if (own > 0) this.#own.set(id, own);
    else this.#own.delete(id);
  }

  #refuse(kind: Kind, id: string, bytes: number): Refusal | undefined {
    const { most, ofOne } = this.#rooms[kind];
    const own = this.#own.get(id) ?? 0;
    if (own + bytes > ofOne) {
      const why = `bodies of ${id} that are under way take ${own} of ${ofOne} bytes`;
      const unblock = 'send it when they have ended';
      return { code: 'too-many-requests', what: 'take a body', where: `principal/${id}`, why, unblock };
    }
    if (this.#taken[kind] + bytes <= most) return undefined;
    const why = `bodies of ${kind} that are under way take ${this.#taken[kind]} of ${most} bytes of memory`;
    return { code: 'too-busy', what: 'take a body', where: 'bodies', why, unblock: 'try again in a moment' };
  }
}
