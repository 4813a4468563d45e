/** Attacks on one organisation at the same time lie in lanes below each other. */
import type { TimelineData } from "./shapes.ts";

export type Attack = TimelineData["attacks"][number];

export interface Placed {
  attack: Attack;
  /** Which lane from the top, over all rows. */
  lane: number;
  /** Where it ends, or now. Microseconds UTC. */
  end_us: number;
  /** Where the next one in its lane starts; infinite for the last. Microseconds UTC. */
  next_us: number;
}

export interface Lanes {
  placed: Placed[];
  /** The row's label for its first lane, an empty text for its others. */
  labels: string[];
}

/** What is shown at first: the latest attacks, where a long quiet time parts them from those before. */
export interface Latest {
  /** When the first of them starts. Microseconds UTC. */
  from_us: number;
  /** When the last of them ends. Microseconds UTC. */
  to_us: number;
  /** How many attacks are earlier. */
  earlier: number;
}

const QUIET_US = 30 * 86_400_000_000;
/** So many times as long as all that came after it: only then would it leave little room for these. */
const QUIET_TIMES = 4;

/** The attacks after the last long quiet time; undefined where there is none. */
export function latestOf({ placed }: Lanes): Latest | undefined {
  const ends = [...placed].sort((a, b) => b.end_us - a.end_us);
  const to_us = ends[0]?.end_us ?? 0;
  let from_us = Number.POSITIVE_INFINITY;
  for (const [later, { attack, end_us }] of ends.entries()) {
    const quiet = from_us - end_us;
    if (later > 0 && quiet > QUIET_US && quiet > QUIET_TIMES * (to_us - from_us)) {
      return { from_us, to_us, earlier: ends.length - later };
    }
    from_us = Math.min(from_us, attack.start_us);
  }
  return undefined;
}

/** Place every attack in the first lane of its row that is free. A row without attacks keeps one lane. */
export function lanesOf(data: TimelineData): Lanes {
  const placed: Placed[] = [];
  const labels: string[] = [];
  for (const row of data.rows) {
    const first = labels.length;
    const last: Placed[] = [];
    const own = data.attacks.filter((one) => one.row === row.id).sort((a, b) => a.start_us - b.start_us);
    for (const attack of own) {
      const free = last.findIndex((before) => before.end_us <= attack.start_us);
      const lane = free < 0 ? last.length : free;
      const before = last[lane];
      if (before) before.next_us = attack.start_us;
      const one = {
        attack,
        lane: first + lane,
        end_us: attack.end_us ?? data.now_us,
        next_us: Number.POSITIVE_INFINITY,
      };
      last[lane] = one;
      placed.push(one);
    }
    labels.push(row.label, ...Array.from({ length: Math.max(0, last.length - 1) }, () => ""));
  }
  return { placed, labels };
}
