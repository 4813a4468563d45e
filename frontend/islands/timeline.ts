/** One bar for each attack, by organisation, over time. */
import { CustomChart } from "echarts/charts";
import { LegendComponent } from "echarts/components";
import { make } from "../behaviours/elements.ts";
import { visit } from "../behaviours/visit.ts";
import { count, duration, minute } from "../units.ts";
import { word } from "../words.ts";
import { asSvg, begin, echarts, lettering, timeAxis, timeSteps, token, tooltip } from "./chart.ts";
import { lanesOf, latestOf } from "./lanes.ts";
import { look } from "./vectors.ts";
import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams, CustomSeriesRenderItemReturn } from "echarts";
import type { Draw, EChartsType, Table } from "./chart.ts";
import type { Lanes, Latest, Placed } from "./lanes.ts";
import type { TimelineData } from "./shapes.ts";

echarts.use([CustomChart, LegendComponent]);

const LANE_PX = 16;
const BAR_PX = 11;
/** An attack of a minute in a month of time is still seen and can be hit with a pointer. */
const LEAST_PX = 4;
const FOOT_PX = 56;
const ms = (us: number): number => us / 1000;

/** Draw the timeline. */
export const draw: Draw<TimelineData> = (box, name) => {
  const chart = begin(box);
  let zoom: Zoom | undefined;
  const seen = (): Zoom => zoom ?? { start: 0, end: 100 };
  let limits: Limits = { from: 0, to: 1, width: 1 };
  let bars: readonly Bar[] = [];
  let labels: ReadonlyMap<string, string> = new Map();
  const chosen = new Chosen(chart, box);
  const earlier = make("p", { class: "help", hidden: "" });
  box.before(earlier);
  chart.on("datazoom", () => {
    const [first] = chart.getOption()["dataZoom"] as Zoom[];
    if (!first) return;
    zoom = { start: first.start, end: first.end };
    chart.setOption({ xAxis: seenSteps(limits, zoom) });
    earlier.hidden = zoom.start === 0;
  });
  chart.on("click", (event) => {
    const { url } = (event.data ?? {}) as { url?: string };
    if (url !== undefined) visit(url);
  });
  const turn = (start: number, end: number): void => {
    // No closer than a minute.
    const width = Math.min(100, Math.max((100 * 60_000) / (limits.to - limits.from), end - start));
    const from = Math.min(100 - width, Math.max(0, start));
    chart.dispatchAction({ type: "dataZoom", start: from, end: from + width });
  };
  return {
    show: (data) => {
      const lanes = lanesOf(data);
      labels = new Map(data.vectors.map(({ id, label }) => [id, label]));
      bars = barsOf(data, lanes);
      const latest = zoom ? undefined : latestOf(lanes);
      if (latest) earlier.textContent = left(latest);
      limits = limitsOf(data, lanes, 1);
      zoom ??= latest && around(latest, limits);
      earlier.hidden = seen().start === 0;
      limits = showTimeline(chart, box, data, lanes, seen());
    },
    svg: () => asSvg(chart, name),
    tools: [{ label: word("Whole time"), act: () => turn(0, 100) }],
    table: tableOf,
    help: word("Up and down choose an attack, Enter opens it; left and right move, + and - zoom, 0 shows the whole."),
    key: (key) => {
      if (key === "Enter") return chosen.open(bars);
      const by = { ArrowDown: 1, ArrowUp: -1 }[key];
      if (by === undefined) return turned(key, seen(), turn);
      const bar = chosen.move(bars, by);
      if (bar) {
        bring(bar.placed, limits, seen(), turn);
        chosen.show(bar, told(bar.placed, labels.get(bar.placed.attack.vector) ?? ""));
      }
      return true;
    },
  };
};

/** The part of the whole time that is seen, per cent. */
interface Zoom {
  start: number;
  end: number;
}

/** An attack and where the chart has its bar. */
interface Bar {
  placed: Placed;
  seriesIndex: number;
  dataIndex: number;
}

/** All bars by start. The first series are the lines between rows. */
function barsOf(data: TimelineData, lanes: Lanes): Bar[] {
  return data.vectors
    .flatMap(({ id }, index) =>
      lanes.placed
        .filter(({ attack }) => attack.vector === id)
        .map((placed, dataIndex) => ({ placed, seriesIndex: index + 1, dataIndex })),
    )
    .sort((a, b) => a.placed.attack.start_us - b.placed.attack.start_us || a.placed.lane - b.placed.lane);
}

/** The attack that a person has chosen with the keys: outlined, with its words shown and said. */
class Chosen {
  private id: string | undefined;
  private readonly said = make("p", { class: "visually-hidden", role: "status", "aria-live": "polite" });

  constructor(
    private readonly chart: EChartsType,
    box: HTMLElement,
  ) {
    box.after(this.said);
  }

  private at(bars: readonly Bar[]): number {
    return bars.findIndex(({ placed }) => placed.attack.id === this.id);
  }

  /** Choose the next or the one before, or the first. */
  move(bars: readonly Bar[], by: number): Bar | undefined {
    const now = this.at(bars);
    const bar = bars[now < 0 ? 0 : Math.min(bars.length - 1, Math.max(0, now + by))];
    this.id = bar?.placed.attack.id;
    return bar;
  }

  /** Go to the page of the chosen attack. Answers whether there is one. */
  open(bars: readonly Bar[]): boolean {
    const bar = bars[this.at(bars)];
    if (bar) visit(bar.placed.attack.url);
    return bar !== undefined;
  }

  /** Outline a bar, show its words beside it, and say them. */
  show({ seriesIndex, dataIndex }: Bar, words: string): void {
    this.chart.dispatchAction({ type: "downplay" });
    this.chart.dispatchAction({ type: "highlight", seriesIndex, dataIndex });
    this.chart.dispatchAction({ type: "showTip", seriesIndex, dataIndex });
    this.said.textContent = words;
  }
}

/** Move what is seen so that an attack is in it. */
function bring({ attack }: Placed, limits: Limits, { start, end }: Zoom, turn: (a: number, b: number) => void): void {
  const at = percent(ms(attack.start_us), limits);
  const width = end - start;
  if (at < start || at > end) turn(at - width / 2, at + width / 2);
}

/** The attacks as a table, by start. */
function tableOf(data: TimelineData): Table {
  const rows = new Map(data.rows.map(({ id, label }) => [id, label]));
  const vectors = new Map(data.vectors.map(({ id, label }) => [id, label]));
  const sorted = [...data.attacks].sort((a, b) => a.start_us - b.start_us);
  return {
    head: ["Start", "End", "Vector", "Organisation", "Peak and duration"].map((label) => ({ label: word(label) })),
    rows: sorted.map((one) => [
      { text: minute(one.start_us), url: one.url },
      one.end_us === null ? word("still running") : minute(one.end_us),
      vectors.get(one.vector) ?? one.vector,
      rows.get(one.row) ?? one.row,
      one.text,
    ]),
  };
}

/** Arrow keys move by a tenth of what is seen, + and - zoom about its middle, 0 shows the whole. */
function turned(key: string, { start, end }: Zoom, turn: (from: number, to: number) => void): boolean {
  const width = end - start;
  if (key === "ArrowLeft") turn(start - width / 10, end - width / 10);
  else if (key === "ArrowRight") turn(start + width / 10, end + width / 10);
  else if (key === "+" || key === "=") turn(start + width / 4, end - width / 4);
  else if (key === "-") turn(start - width / 2, end + width / 2);
  else if (key === "0") turn(0, 100);
  else return false;
  return true;
}

/** Both ends of the time axis, in milliseconds, and its width in pixels. */
interface Limits {
  from: number;
  to: number;
  width: number;
}

/** From the first attack to the last, or to now while one runs, with a little room. */
function limitsOf(data: TimelineData, lanes: Lanes, width: number): Limits {
  const from = ms(Math.min(data.now_us, ...data.attacks.map((one) => one.start_us)));
  const to = ms(Math.max(...lanes.placed.map((one) => one.end_us)));
  const room = Math.max(60_000, (to - from) / 100);
  return lanes.placed.length > 0
    ? { from: from - room, to: to + room, width }
    : { from: from - 86_400_000, to: from, width };
}

/** Where a time is between both ends, per cent. */
const percent = (at: number, { from, to }: Limits): number => ((at - from) / Math.max(1, to - from)) * 100;

/** The part of the whole time in which the latest attacks are, with a little room. */
function around({ from_us, to_us }: Latest, limits: Limits): Zoom {
  const room = Math.max(60_000, ms(to_us - from_us) / 50);
  return { start: percent(ms(from_us) - room, limits), end: percent(ms(to_us) + room, limits) };
}

/** What is said of attacks that lie to the left of what is seen. */
const left = ({ from_us, earlier }: Latest): string =>
  word("Seen from {when} on. Attacks before that: {count}. Whole time shows them.", {
    when: minute(from_us),
    count: count(earlier),
  });

function seenSteps({ from, to, width }: Limits, { start, end }: Zoom): Record<string, unknown> {
  const per = (to - from) / 100;
  return timeSteps(from + start * per, from + end * per, width);
}

/** How high the key of vectors is, when its entries stand in as many lines as they need. */
function keyHeight(data: TimelineData, width: number): number {
  const wanted = data.vectors.reduce((sum, one) => sum + 66 + one.label.length * 7, 0);
  return 12 + 22 * Math.ceil(wanted / Math.max(1, width));
}

function showTimeline(chart: EChartsType, box: HTMLElement, data: TimelineData, lanes: Lanes, zoom: Zoom): Limits {
  const head = keyHeight(data, box.clientWidth);
  const wide = box.clientWidth > 640;
  const left = box.clientWidth > 900 ? 216 : wide ? 168 : 112;
  box.style.height = `${head + Math.max(2, lanes.labels.length) * LANE_PX + FOOT_PX}px`;
  chart.resize();
  const limits = limitsOf(data, lanes, box.clientWidth - left - 16);
  chart.setOption(
    {
      animation: false,
      grid: { left, right: 16, top: head, bottom: FOOT_PX },
      legend: {
        left: 0,
        top: 0,
        data: data.vectors.map((vector) => keyName(vector, lanes)),
        itemWidth: 18,
        itemHeight: 10,
        itemGap: 16,
        icon: "rect",
        textStyle: lettering(),
        inactiveColor: token("line"),
      },
      tooltip: { trigger: "item", ...tooltip() },
      xAxis: { ...timeAxis(limits.from, limits.to, limits.width), ...seenSteps(limits, zoom) },
      yAxis: rowAxis(lanes, left),
      dataZoom: [
        { type: "inside", filterMode: "weakFilter", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: "shift", ...zoom },
        { ...slider(left), filterMode: "weakFilter", ...zoom },
      ],
      series: [separators(lanes, limits), ...data.vectors.map((vector, index) => seriesOf(lanes, vector, index))],
    },
    { notMerge: true },
  );
  return limits;
}

const keyName = (vector: { id: string; label: string }, lanes: Lanes): string =>
  `${vector.label} ${count(lanes.placed.filter((one) => one.attack.vector === vector.id).length)}`;

/** A line between rows, and none between the lanes of a row. */
function separators(lanes: Lanes, limits: Limits): Record<string, unknown> {
  const firsts = lanes.labels.flatMap((label, lane) =>
    label !== "" && lane > 0 ? [[limits.from, limits.to, lane]] : [],
  );
  return {
    type: "custom",
    silent: true,
    z: 0,
    data: firsts,
    encode: { x: [0, 1], y: 2 },
    tooltip: { show: false },
    renderItem: (params: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI) => {
      const area = params.coordSys as unknown as { x: number; width: number };
      const y = (api.coord([limits.from, firsts[params.dataIndex]?.[2] ?? 0])[1] ?? 0) - LANE_PX / 2;
      return {
        type: "line",
        shape: { x1: area.x, x2: area.x + area.width, y1: y, y2: y },
        style: { stroke: token("hair") },
      };
    },
  };
}

function rowAxis(lanes: Lanes, left: number): Record<string, unknown> {
  return {
    type: "category",
    inverse: true,
    data: lanes.labels.map((_, index) => String(index)),
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: {
      ...lettering("ink"),
      interval: 0,
      align: "left",
      margin: left,
      width: left - 12,
      overflow: "truncate",
      formatter: (_: string, index: number) => lanes.labels[index] ?? "",
    },
    splitLine: { show: false },
  };
}

function slider(left: number): Record<string, unknown> {
  return {
    type: "slider",
    show: !("printing" in document.documentElement.dataset),
    left,
    right: 16,
    bottom: 8,
    height: 16,
    brushSelect: false,
    showDetail: false,
    showDataShadow: false,
    borderColor: token("line"),
    backgroundColor: token("recess"),
    fillerColor: token("chosen"),
    handleStyle: { color: token("paper"), borderColor: token("edge") },
    moveHandleSize: 0,
    emphasis: { handleStyle: { color: token("accent"), borderColor: token("accent") } },
  };
}

function seriesOf(lanes: Lanes, vector: { id: string; label: string }, index: number): Record<string, unknown> {
  const own = lanes.placed.filter((one) => one.attack.vector === vector.id);
  return {
    type: "custom",
    name: keyName(vector, lanes),
    itemStyle: look(index),
    clip: true,
    encode: { x: [0, 1], y: 2 },
    cursor: "pointer",
    tooltip: { formatter: ({ dataIndex }: { dataIndex: number }) => told(own[dataIndex], vector.label) },
    data: own.map((one) => ({ value: [ms(one.attack.start_us), ms(one.end_us), one.lane], url: one.attack.url })),
    renderItem: (params: CustomSeriesRenderItemParams, api: CustomSeriesRenderItemAPI) =>
      bar(own[params.dataIndex], vector.label, index, params, api),
  };
}

function told(one: Placed | undefined, vector: string): string {
  if (!one) return "";
  const { attack } = one;
  const until = attack.end_us === null ? word("still running") : minute(attack.end_us);
  const state = attack.false_positive ? `\n${word("marked as false positive")}` : "";
  return `${attack.title}\n${vector}: ${attack.text}\n${minute(attack.start_us)} – ${until} (${duration(one.end_us - attack.start_us)})${state}`;
}

function bar(
  one: Placed | undefined,
  label: string,
  index: number,
  params: CustomSeriesRenderItemParams,
  api: CustomSeriesRenderItemAPI,
): CustomSeriesRenderItemReturn {
  if (!one) return null;
  const [x = 0, middle = 0] = api.coord([ms(one.attack.start_us), one.lane]);
  const [end = 0] = api.coord([ms(one.end_us), one.lane]);
  const area = params.coordSys as unknown as { x: number; y: number; width: number; height: number };
  const width = Math.max(LEAST_PX, end - x);
  const shape = echarts.graphic.clipRectByRect({ x, y: middle - BAR_PX / 2, width, height: BAR_PX }, area);
  if (!shape) return null;
  const { color, decal } = look(index);
  const style = one.attack.false_positive
    ? { fill: "transparent", stroke: token("edge"), lineWidth: 1, lineDash: [2, 2] }
    : { fill: color, ...(decal ? { decal } : {}) };
  const outlined = { style: { stroke: token("ink"), lineWidth: 2 } };
  const children: object[] = [{ type: "rect", shape, style, emphasis: outlined }];
  if (one.attack.end_us === null) {
    children.push({
      type: "rect",
      shape: { x: shape.x + shape.width, y: shape.y - 2, width: 3, height: BAR_PX + 4 },
      style: { fill: token("wrong") },
    });
  }
  const [next = 0] = Number.isFinite(one.next_us) ? api.coord([ms(one.next_us), one.lane]) : [area.x + area.width];
  const text = one.attack.end_us === null ? `${label}, ${word("running")}` : label;
  if (width >= 28 && Math.min(next, area.x + area.width) - shape.x - shape.width > text.length * 6.2 + 12) {
    children.push({
      type: "text",
      silent: true,
      style: {
        ...lettering(),
        fill: token("muted"),
        fontSize: 11,
        text,
        x: shape.x + shape.width + 7,
        y: middle,
        verticalAlign: "middle",
      },
    });
  }
  return { type: "group", children } as CustomSeriesRenderItemReturn;
}
