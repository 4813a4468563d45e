/** What all charts share: ECharts drawn as SVG, colours from the design tokens, size, export. */
import { AriaComponent, DataZoomComponent, GridComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { EChartsType } from "echarts/core";

echarts.use([SVGRenderer, GridComponent, TooltipComponent, DataZoomComponent, AriaComponent]);

export { echarts };
export type { EChartsType };

/** A drawn chart, as the frame around it needs it. */
export interface Drawn<T> {
  /** Draw other data, or the same in other colours. */
  show(data: T): void;
  /** The picture as an SVG document. */
  svg(): string;
  /** The buttons that this kind of chart has besides the usual ones. */
  tools?: readonly { label: string; act(): void }[];
  /** The data as a table, for pages that bring none. */
  table?(data: T): Table;
  /** In a sentence, what the keys do. */
  help?: string;
  /** Keys that work while the chart has the focus. Answers whether the key meant anything. */
  key?(key: string): boolean;
}

/** A table of text; a cell with an address is a link. */
export interface Table {
  head: readonly { label: string; numeric?: boolean }[];
  rows: readonly (readonly (string | { text: string; url: string })[])[];
}

/** Draws a kind of chart into a box. */
export type Draw<T> = (box: HTMLElement, name: string) => Drawn<T> | Promise<Drawn<T>>;

let probe: HTMLElement | undefined;

/** The present colour of a token, such as `accent`, as the browser resolves it for light or dark. */
export function token(name: string): string {
  if (!probe) {
    probe = document.createElement("span");
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

/** Width of an A4 sheet between its margins, and the height of a chart on it that has none of its own. CSS pixels. */
const SHEET_PX = 680;
const ON_SHEET_PX = 300;

/** A chart in a box, which follows the box's size, and on paper the sheet's. */
export function begin(box: HTMLElement): EChartsType {
  const chart = echarts.init(box, null, { renderer: "svg" });
  let printing = false;
  new ResizeObserver(() => {
    if (!printing && box.clientWidth > 0 && box.clientHeight > 0) chart.resize(); // not while the table is shown instead
  }).observe(box);
  window.addEventListener("beforeprint", () => {
    printing = true;
    chart.resize({ width: SHEET_PX, height: box.style.height === "" ? ON_SHEET_PX : box.clientHeight });
    chart.getZr().flush(); // the sheet is taken before the next frame is drawn
  });
  window.addEventListener("afterprint", () => {
    printing = false;
    chart.resize({ width: "auto", height: "auto" });
  });
  return chart;
}

/** Text of axes and labels. */
export function lettering(colour = "muted"): { color: string; fontFamily: string; fontSize: number } {
  return { color: token(colour), fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12 };
}

/** A tooltip that is drawn inside the picture, because a strict policy lets no markup with styles in. */
export function tooltip(): Record<string, unknown> {
  return {
    renderMode: "richText",
    confine: true,
    transitionDuration: 0,
    backgroundColor: token("raised"),
    borderColor: token("line"),
    borderWidth: 1,
    padding: [6, 10],
    shadowBlur: 0,
    shadowOffsetX: 0,
    shadowOffsetY: 0,
    shadowColor: "rgba(0,0,0,0)",
    textStyle: { ...lettering("ink"), lineHeight: 17 },
  };
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Steps between the labels of a time axis; those of days and more count from 1 January 1970. */
const STEPS_MS = [
  1000,
  5000,
  15_000,
  30_000,
  MINUTE_MS,
  5 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  2 * HOUR_MS,
  3 * HOUR_MS,
  6 * HOUR_MS,
  12 * HOUR_MS,
  DAY_MS,
  2 * DAY_MS,
  4 * DAY_MS,
  7 * DAY_MS,
  14 * DAY_MS,
  28 * DAY_MS,
  91 * DAY_MS,
  364 * DAY_MS,
];
const LABEL_PX = 72;

const formats = (["second", "minute", "day", "month"] as const).map((finest) => {
  const parts: Intl.DateTimeFormatOptions =
    finest === "second"
      ? { hour: "2-digit", minute: "2-digit", second: "2-digit" }
      : finest === "minute"
        ? { hour: "2-digit", minute: "2-digit" }
        : finest === "day"
          ? { day: "numeric", month: "short" }
          : { month: "short", year: "numeric" };
  return new Intl.DateTimeFormat("en-GB", { ...parts, timeZone: "UTC", hourCycle: "h23" });
});

function timeText(at: number, step: number): string {
  const finest = step >= 91 * DAY_MS ? 3 : step >= DAY_MS || at % DAY_MS === 0 ? 2 : step >= MINUTE_MS ? 1 : 0;
  return formats[finest]?.format(at) ?? "";
}

/** The step between labels that leaves them room, for so many milliseconds on so many pixels. */
function stepFor(span: number, width: number): number {
  return STEPS_MS.find((step) => (step / Math.max(1, span)) * width >= LABEL_PX) ?? (STEPS_MS.at(-1) as number);
}

/** A horizontal axis in UTC, in milliseconds, with evenly spaced labels for what is seen of it. */
export function timeAxis(from: number, to: number, width: number): Record<string, unknown> {
  return { ...axisLook(), ...timeSteps(from, to, width), min: from, max: to };
}

/** The part of a time axis that changes when a person zooms: where it is labelled. */
export function timeSteps(from: number, to: number, width: number): Record<string, unknown> {
  const step = stepFor(to - from, width);
  const customValues: number[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) customValues.push(at);
  return {
    axisTick: { lineStyle: { color: token("edge") }, customValues },
    axisLabel: { ...lettering(), hideOverlap: true, customValues, formatter: (at: number) => timeText(at, step) },
  };
}

function axisLook(): Record<string, unknown> {
  return {
    type: "value",
    name: "UTC",
    nameLocation: "start",
    nameGap: 10,
    nameTextStyle: { ...lettering(), verticalAlign: "top", padding: [8, 0, 0, 0] },
    axisLine: { lineStyle: { color: token("edge") } },
    splitLine: { show: true, showMinLine: false, showMaxLine: false, lineStyle: { color: token("hair") } },
  };
}

const SVG = "http://www.w3.org/2000/svg";
const BAND_PX = 24;
const TITLE_PX = 32;

/** An SVG element with attributes and content; text is always text. */
export function shape(
  tag: string,
  attributes: Record<string, string | number>,
  ...content: (Node | string)[]
): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...content);
  return element;
}

/**
 * The whole picture as an SVG document on white, under its title and the marking of the page, which must not part from
 * it. The browser's own serialiser escapes what that of ECharts leaves as it is.
 */
export function asSvg(chart: EChartsType, title: string): string {
  chart.getZr().flush();
  const drawn = chart.getDom().querySelector("svg");
  if (!drawn) throw new Error("ECharts has drawn no SVG.");
  const [width, height] = [chart.getWidth(), chart.getHeight()];
  const band = document.querySelector<HTMLElement>(".markband .marking, body > .marking");
  const letters = { "font-family": "sans-serif", "font-weight": 600 };
  const picture = shape("g", { transform: `translate(0 ${BAND_PX + TITLE_PX})` }, ...drawn.cloneNode(true).childNodes);
  const whole = shape(
    "svg",
    { width, height: height + BAND_PX + TITLE_PX },
    shape("title", {}, title),
    shape("rect", { width: "100%", height: "100%", fill: "#fff" }),
    shape("text", { ...letters, x: 4, y: BAND_PX + 22, "font-size": 16, fill: token("ink") }, title),
    picture,
  );
  if (band) {
    const words = band.textContent?.replace(/\s+/g, " ").trim() ?? "";
    const colour = getComputedStyle(band).color;
    const place = { x: width / 2, y: 16, "text-anchor": "middle", "font-size": 12, fill: colour };
    whole.append(
      shape("rect", { width: "100%", height: BAND_PX, fill: "#000" }),
      shape("text", { ...letters, ...place }, words),
    );
  }
  return new XMLSerializer().serializeToString(whole);
}
