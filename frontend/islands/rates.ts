/** Rates of one attack over time: a panel for each unit, one above the other, so that no two scales share a picture. */
import { LineChart } from "echarts/charts";
import { MarkAreaComponent, MarkLineComponent, TitleComponent } from "echarts/components";
import { minute, scaled } from "../units.ts";
import { word } from "../words.ts";
import { asSvg, begin, echarts, lettering, timeAxis, token, tooltip } from "./chart.ts";
import type { Draw, EChartsType, Table } from "./chart.ts";
import type { RatesData } from "./shapes.ts";

echarts.use([LineChart, TitleComponent, MarkAreaComponent, MarkLineComponent]);

const HEAD_PX = 28;
const FOOT_PX = 28;
const PANEL_PX = 112;
const LEFT_PX = 104;

/** Draw the rates. */
export const draw: Draw<RatesData> = (box, name) => {
  const chart = begin(box);
  return { show: (data) => showRates(chart, box, data), svg: () => asSvg(chart, name), table: tableOf };
};

/** The values as a table, one row for each step of time. */
function tableOf(data: RatesData): Table {
  const steps = Math.max(0, ...data.series.map((one) => one.values.length));
  const at = (step: number): string => {
    const time = new Date((data.start_us + step * data.step_us) / 1000).toISOString();
    return `${time.slice(0, 10)} ${time.slice(11, 19)} UTC`;
  };
  const value = (amount: number | null | undefined, unit: string): string =>
    amount == null ? "" : scaled(amount, unit);
  return {
    head: [{ label: word("Time") }, ...data.series.map(({ name }) => ({ label: name, numeric: true }))],
    rows: Array.from({ length: steps }, (_, step) => [
      at(step),
      ...data.series.map((one) => value(one.values[step], one.unit)),
    ]),
  };
}

function showRates(chart: EChartsType, box: HTMLElement, data: RatesData): void {
  const panels = data.series.length;
  box.style.height = `${panels * (HEAD_PX + PANEL_PX) + FOOT_PX}px`;
  chart.resize();
  const top = (index: number): number => index * (HEAD_PX + PANEL_PX);
  const every = data.series.map((_, index) => index);
  chart.setOption(
    {
      animation: false,
      axisPointer: { link: [{ xAxisIndex: "all" }] },
      tooltip: {
        trigger: "axis",
        ...tooltip(),
        axisPointer: { type: "line", lineStyle: { color: token("edge") } },
        formatter: (points: unknown) => told(points, data),
      },
      title: data.series.map((one, index) => ({
        text: heading(one),
        left: 0,
        top: top(index) + 4,
        padding: 0,
        textStyle: { ...lettering("ink"), fontWeight: 600 },
      })),
      grid: every.map((index) => ({ left: LEFT_PX, right: 16, top: top(index) + HEAD_PX, height: PANEL_PX - 10 })),
      xAxis: every.map((index) => panelAxis(data, index, index === panels - 1, box.clientWidth - LEFT_PX - 16)),
      yAxis: data.series.map((one, index) => ({
        type: "value",
        gridIndex: index,
        min: 0,
        splitNumber: 3,
        axisLabel: { ...lettering(), formatter: (value: number) => (value === 0 ? "0" : scaled(value, one.unit)) },
        splitLine: { lineStyle: { color: token("hair") } },
      })),
      series: data.series.map((one, index) => seriesOf(one, index, data)),
    },
    { notMerge: true },
  );
}

function heading(one: RatesData["series"][number]): string {
  const peak = Math.max(0, ...one.values.filter((value) => value !== null));
  return `${one.name}, ${word("peak {rate}", { rate: scaled(peak, one.unit) })}`;
}

function panelAxis(data: RatesData, index: number, last: boolean, width: number): Record<string, unknown> {
  const steps = Math.max(1, ...data.series.map((one) => one.values.length));
  const axis = timeAxis(data.start_us / 1000, (data.start_us + steps * data.step_us) / 1000, width);
  const hidden = last ? { nameGap: 32 } : { name: "", axisLabel: { show: false } };
  return { ...axis, ...hidden, gridIndex: index, splitLine: { show: false } };
}

function seriesOf(one: RatesData["series"][number], index: number, data: RatesData): Record<string, unknown> {
  const colour = token(index === 0 ? "hue-1" : "hue-3");
  const at = (step: number): number => (data.start_us + step * data.step_us) / 1000;
  const marks = (data.marks ?? []).map((mark) => ({
    xAxis: mark.at_us / 1000,
    label: { formatter: index === 0 ? mark.label : "" },
  }));
  const span = data.span
    ? [
        [
          { xAxis: data.span.from_us / 1000, name: index === 0 ? data.span.label : "" },
          { xAxis: data.span.to_us / 1000 },
        ],
      ]
    : [];
  return {
    type: "line",
    name: one.name,
    step: "end",
    symbol: "none",
    xAxisIndex: index,
    yAxisIndex: index,
    data: one.values.map((value, step) => [at(step), value]),
    lineStyle: { color: colour, width: 1.5 },
    itemStyle: { color: colour },
    areaStyle: { color: colour, opacity: 0.16 },
    markLine: {
      silent: true,
      symbol: "none",
      data: marks,
      lineStyle: { color: token("edge"), type: "dashed" },
      label: { ...lettering(), position: "end", distance: 2 },
    },
    markArea: {
      silent: true,
      data: span,
      itemStyle: { color: token("hover") },
      label: { ...lettering(), position: "insideTopLeft" },
    },
  };
}

function told(points: unknown, data: RatesData): string {
  const [first] = points as { dataIndex: number }[];
  if (!first) return "";
  const lines = [minute(data.start_us + first.dataIndex * data.step_us)];
  for (const one of data.series) {
    const value = one.values[first.dataIndex];
    lines.push(
      `${one.name}: ${value === null || value === undefined ? word("not measured") : scaled(value, one.unit)}`,
    );
  }
  return lines.join("\n");
}
