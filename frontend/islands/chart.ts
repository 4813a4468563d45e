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
  /** Keys that work while the chart has the focus. Answers whether the key meant anything. */
  key?(key: string): boolean;
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

/** A chart in a box, which follows the box's size. */
export function begin(box: HTMLElement): EChartsType {
  const chart = echarts.init(box, null, { renderer: "svg" });
  new ResizeObserver(() => chart.resize()).observe(box);
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
    shadowColor: "transparent",
    textStyle: { ...lettering("ink"), lineHeight: 17 },
  };
}

/** A horizontal axis in UTC. */
export function timeAxis(): Record<string, unknown> {
  return {
    type: "time",
    axisLine: { lineStyle: { color: token("edge") } },
    axisTick: { lineStyle: { color: token("edge") } },
    axisLabel: { ...lettering(), hideOverlap: true },
    splitLine: { show: true, lineStyle: { color: token("hair") } },
  };
}

/** The whole picture as an SVG document with a ground of its own. */
export function asSvg(chart: EChartsType): string {
  return chart.renderToSVGString();
}
