/** Hue and pattern of each kind of attack, so that neither alone carries the meaning. */
import { token } from "./chart.ts";

type Decal = Readonly<Record<string, unknown>>;

const line = (rotation: number, gap: number, width = 1.5): Decal => ({
  symbol: "rect",
  symbolSize: 1,
  dashArrayX: [1, 0],
  dashArrayY: [width, gap],
  rotation,
});

/** Eight patterns: plain, rising, falling, upright, level, dotted, close upright, crossed far apart. */
const PATTERNS: readonly (Decal | null)[] = [
  null,
  line(-Math.PI / 4, 4),
  line(Math.PI / 4, 4),
  line(Math.PI / 2, 4),
  line(0, 3),
  {
    symbol: "circle",
    symbolSize: 0.8,
    dashArrayX: [
      [5, 5],
      [0, 5, 5, 0],
    ],
    dashArrayY: [4, 0],
  },
  line(Math.PI / 2, 2),
  {
    symbol: "diamond",
    symbolSize: 1,
    dashArrayX: [
      [6, 6],
      [0, 6, 6, 0],
    ],
    dashArrayY: [6, 0],
  },
];

/** How the vector of an index is drawn. After the eighth they begin again. */
export function look(index: number): { color: string; decal?: Decal } {
  const decal = PATTERNS[index % PATTERNS.length];
  const color = token(`hue-${(index % PATTERNS.length) + 1}`);
  return decal ? { color, decal: { ...decal, color: token("paper") } } : { color };
}
