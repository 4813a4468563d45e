/** UTC on the page, local time on hover, and the clock in the bar. */
import { minute } from "../units.ts";
import { all } from "./elements.ts";

const local = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** Give every time of a region its local time as title. */
export function localTimes(root: ParentNode): void {
  for (const element of all<HTMLTimeElement>("time[datetime]", root)) {
    const at = new Date(element.dateTime);
    if (!Number.isNaN(at.getTime())) element.title = local.format(at);
  }
}

/** Keep the clock going. It follows the node's time, which the page brought, and not a wrong clock of this machine. */
export function startClock(): void {
  const clock = document.querySelector<HTMLTimeElement>("[data-clock]");
  const told = clock ? Date.parse(clock.dateTime) : Number.NaN;
  if (!clock || Number.isNaN(told)) return;
  const began = performance.now();
  const tick = (): void => {
    const now = told + performance.now() - began;
    const text = minute(now * 1000);
    if (clock.textContent !== text) {
      clock.textContent = text;
      clock.dateTime = new Date(now).toISOString();
      localTimes(clock.parentElement ?? document);
    }
    setTimeout(tick, 1000 - (now % 1000));
  };
  tick();
}
