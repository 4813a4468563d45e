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
