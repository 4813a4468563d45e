/** How many of something each country has, and grey where the source test does not let it be said. */
import { MapChart } from "echarts/charts";
import { GeoComponent } from "echarts/components";
import { make } from "../behaviours/elements.ts";
import { visit } from "../behaviours/visit.ts";
import { count } from "../units.ts";
import { word } from "../words.ts";
import { asSvg, begin, echarts, lettering, shape, token, tooltip } from "./chart.ts";
import { project, unproject } from "./projection.ts";
import type { Draw, EChartsType } from "./chart.ts";
import type { WorldmapData } from "./shapes.ts";

echarts.use([MapChart, GeoComponent]);

type Value = WorldmapData["values"][number];

const CLASSES = 5;
const LABELLED = 8;
/** Room that a label takes, so that no two lie on each other. Pixels. */
const LABEL_PX = { width: 64, height: 16 };
/** West, north, east and south of what is shown, degrees: all land but Antarctica, east of the Bering Strait. */
const SHOWN = [
  [-169, 84],
  [191, -56],
] as const;
const BORDERS = "../world.json";
const HATCH = { symbol: "rect", symbolSize: 1, dashArrayX: [1, 0], dashArrayY: [1.5, 4], rotation: -Math.PI / 4 };
const names = new Intl.DisplayNames(["en"], { type: "region", fallback: "code" });

let borders: Promise<void> | undefined;
/** Where the label of each country stands, on the plane of the projection. */
const middles = new Map<string, readonly [number, number]>();

/** Fetch the borders once; they lie beside the script. */
function haveBorders(): Promise<void> {
  borders ??= fetch(new URL(BORDERS, import.meta.url)).then(async (answer) => {
    if (!answer.ok) throw new Error(word("the borders could not be had."));
    const world = (await answer.json()) as World;
    for (const one of world.features) middles.set(one.properties.name, middleOf(one.geometry.coordinates));
    echarts.registerMap("world", { geoJSON: world } as never);
  });
  return borders;
}

interface World {
  features: { properties: { name: string }; geometry: { coordinates: number[][][][] } }[];
}

/** The middle of a country's largest part, on the plane. */
function middleOf(polygons: readonly number[][][][]): readonly [number, number] {
  const boxes = polygons.map((polygon) => {
    const points = (polygon[0] ?? []).map(project);
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
    return { size: (right - left) * (bottom - top), middle: [(left + right) / 2, (top + bottom) / 2] as const };
  });
  return boxes.reduce((most, one) => (one.size > most.size ? one : most), { size: -1, middle: [0, 0] as const }).middle;
}

/** The countries with most, as long as their labels do not lie on each other in a map so many pixels wide. */
function labelledOf(values: readonly Value[], width: number): Set<string> {
  const scale = width / (project([SHOWN[1][0], 0])[0] - project([SHOWN[0][0], 0])[0]);
  const placed: (readonly [number, number])[] = [];
  const chosen = new Set<string>();
  for (const one of [...values].sort((a, b) => b.value - a.value)) {
    const at = middles.get(one.country);
    if (!at || one.value <= 0 || chosen.size >= (width > 640 ? LABELLED : 3)) continue;
    const free = placed.every(
      ([x, y]) => Math.abs(x - at[0]) * scale > LABEL_PX.width || Math.abs(y - at[1]) * scale > LABEL_PX.height,
    );
    if (!free) continue;
    placed.push(at);
    chosen.add(one.country);
  }
  return chosen;
}

const nameOf = (code: string): string => (/^[A-Z]{2}$/.test(code) ? (names.of(code) ?? code) : code);

/** Draw the map. */
export const draw: Draw<WorldmapData> = async (box, name) => {
  await haveBorders();
  const chart = begin(box);
  chart.on("click", (event) => {
    const { url } = (event.data ?? {}) as { url?: string };
    if (url !== undefined) visit(url);
  });
  return {
    show: (data) => showMap(chart, box, data),
    svg: () => asSvg(chart, name),
    table: (data) => ({
      head: [{ label: word("Country") }, { label: data.unit, numeric: true }],
      rows: data.values.map((one) => [`${nameOf(one.country)} ${one.country}`, count(one.value)]),
    }),
  };
};

/** Upper bounds of classes that grow by an equal factor, because counts of sources differ by orders of magnitude. */
export function bounds(values: readonly number[]): number[] {
  const most = Math.max(1, ...values);
  const classes = Math.min(CLASSES, Math.max(1, most));
  const steps = Array.from({ length: classes }, (_, index) => Math.ceil(most ** ((index + 1) / classes) - 1e-9));
  return [...new Set(steps)];
}

function colourOf(value: number, limits: readonly number[]): string {
  const found = limits.findIndex((limit) => value <= limit);
  const last = limits.length - 1;
  const at = last === 0 ? CLASSES : 1 + Math.round(((found < 0 ? last : found) * (CLASSES - 1)) / last);
  return token(`scale-${at}`);
}

function showMap(chart: EChartsType, box: HTMLElement, data: WorldmapData): void {
  const limits = bounds(data.values.map((one) => one.value));
  const known = new Map(data.values.map((one) => [one.country, one]));
  const labelled = labelledOf(data.values, box.clientWidth);
  chart.setOption(
    {
      animation: false,
      tooltip: { ...tooltip(), formatter: ({ name }: { name: string }) => told(name, known.get(name), data) },
      series: [
        {
          type: "map",
          map: "world",
          roam: true,
          scaleLimit: { min: 1, max: 24 },
          selectedMode: false,
          projection: { project, unproject },
          boundingCoords: SHOWN,
          left: 0,
          right: 0,
          top: 0,
          bottom: 0,
          preserveAspect: true,
          itemStyle: { ...landOf(data), borderColor: token("paper"), borderWidth: 0.6 },
          emphasis: {
            itemStyle: { areaColor: null, borderColor: token("ink"), borderWidth: 1.2 },
            label: { show: false },
          },
          label: { show: false },
          data: data.values.map((one) => region(one, limits, labelled.has(one.country))),
        },
      ],
    },
    { notMerge: true },
  );
  addKey(box, data, limits);
}

/** Whether there are attacks, and the sources of none of them may be attributed. */
function nothing(data: WorldmapData): boolean {
  return data.attacks !== undefined && data.attacks > 0 && data.attributable === 0;
}

/** Land without a value; hatched grey everywhere where nothing at all may be attributed. */
function landOf(data: WorldmapData): Record<string, unknown> {
  return nothing(data)
    ? { areaColor: token("withheld"), decal: { ...HATCH, color: token("paper") } }
    : { areaColor: token("land") };
}

function region(one: Value, limits: readonly number[], labelled: boolean): Record<string, unknown> {
  const grey = one.value === 0 && (one.withheld ?? 0) > 0;
  const areaColor = grey ? token("withheld") : one.value > 0 ? colourOf(one.value, limits) : token("land");
  return {
    name: one.country,
    value: one.value,
    url: one.url,
    itemStyle: { areaColor, ...(grey ? { decal: { ...HATCH, color: token("paper") } } : {}) },
    emphasis: { itemStyle: { areaColor } },
    label: {
      show: labelled,
      formatter: `${one.country} ${count(one.value)}`,
      ...lettering("ink"),
      fontSize: 11,
      textBorderColor: token("paper"),
      textBorderWidth: 3,
    },
  };
}

function told(code: string, one: Value | undefined, data: WorldmapData): string {
  const lines = [nameOf(code)];
  if (one && one.value > 0) lines.push(`${count(one.value)} ${data.unit}`);
  if (one?.withheld) lines.push(word("{number} that may be forged: not attributed", { number: count(one.withheld) }));
  if (!one || (one.value === 0 && !one.withheld)) lines.push(nothing(data) ? word("may be forged") : word("none"));
  return lines.join("\n");
}

function swatch(colour: string, hatched: boolean): SVGSVGElement {
  const svg = shape("svg", { viewBox: "0 0 16 10", "aria-hidden": "true" }) as SVGSVGElement;
  svg.append(shape("rect", { width: "16", height: "10", fill: colour }));
  if (hatched)
    svg.append(shape("path", { d: "M-2 10L8 0M4 10L14 0M10 10L20 0", stroke: token("paper"), "stroke-width": "1.5" }));
  return svg;
}

/** The classes in words below the map, what the grey means, and what is not on the map. */
function addKey(box: HTMLElement, data: WorldmapData, limits: readonly number[]): void {
  for (const old of box.parentElement?.querySelectorAll(":scope > .key, :scope > .words") ?? []) old.remove();
  const key = make("ul", { class: "key" });
  const shown = data.values.some((one) => one.value > 0) ? limits : [];
  if (shown.length > 0) key.append(make("li", {}, data.unit));
  shown.forEach((limit, index) => {
    const from = (limits[index - 1] ?? 0) + 1;
    key.append(
      make(
        "li",
        {},
        swatch(colourOf(limit, limits), false),
        from === limit ? count(limit) : `${count(from)}–${count(limit)}`,
      ),
    );
  });
  const withheld = data.values.reduce((sum, one) => sum + (one.withheld ?? 0), 0);
  if (withheld > 0 || nothing(data)) key.append(make("li", {}, swatch(token("withheld"), true), word("may be forged")));
  const said = [
    data.words,
    data.elsewhere && data.elsewhere.value > 0 ? `${count(data.elsewhere.value)} ${data.elsewhere.words}.` : "",
  ];
  const words = make("p", { class: "words" }, said.filter((part) => part !== "").join(" "));
  box.after(key, words);
  const hidden = box.hidden;
  key.hidden = hidden;
  words.hidden = hidden || words.textContent === "";
}
