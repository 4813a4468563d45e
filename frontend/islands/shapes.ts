/** What the server sends to each island. Times are microseconds UTC; rates are in the units that are named. */

export interface TimelineData {
  /** The node's time, where attacks that still run are drawn to. */
  now_us: number;
  /** Organisations, top first. */
  rows: { id: string; label: string }[];
  /** Kinds of attack; their order gives hue and pattern, at most eight. */
  vectors: { id: string; label: string }[];
  attacks: {
    id: string;
    row: string;
    vector: string;
    start_us: number;
    /** Null while it runs. */
    end_us: number | null;
    title: string;
    text: string;
    url: string;
    false_positive?: boolean;
  }[];
}

export interface WorldmapData {
  /** What is counted, in the plural: `apparent sources`. */
  unit: string;
  /** What the colours and the grey mean, and what they do not. */
  words: string;
  /** Attacks behind the map, and how many of them have sources that say anything of a place. */
  attacks?: number;
  attributable?: number;
  values: {
    /** ISO 3166-1 alpha-2. */
    country: string;
    /** How many may be attributed to the country. */
    value: number;
    /** How many carry addresses of the country, but may be forged: the source test does not let them be attributed. */
    withheld?: number;
    url?: string;
  }[];
  /** What belongs to no country on the map. */
  elsewhere?: { value: number; words: string };
}

export interface RatesData {
  start_us: number;
  step_us: number;
  /** One panel each, in order; null where nothing was measured. */
  series: { name: string; unit: string; values: (number | null)[] }[];
  /** The attack itself, shaded. */
  span?: { from_us: number; to_us: number; label: string };
  marks?: { at_us: number; label: string }[];
}
