/** Charts come to the page one by one, when the page has their place, with the table that stands behind each. */
import { all, make } from "../behaviours/elements.ts";
import { inLight } from "../behaviours/theme.ts";
import { problemWords } from "../behaviours/toast.ts";
import { word } from "../words.ts";
import type { Draw, Drawn, Table } from "./chart.ts";

const KINDS: Readonly<Record<string, () => Promise<{ draw: Draw<never> }>>> = {
  timeline: () => import("./timeline.ts"),
  worldmap: () => import("./worldmap.ts"),
  rates: () => import("./rates.ts"),
};

const started = new WeakSet<Element>();

/** Start the islands of a region. */
export function startIslands(root: ParentNode): void {
  for (const figure of all<HTMLElement>("[data-island]", root)) {
    if (started.has(figure)) continue;
    started.add(figure);
    start(figure).catch((error: unknown) => excuse(figure, error));
  }
}

/** Leave the table on the page, and say why there is no picture. */
function excuse(figure: HTMLElement, error: unknown): void {
  figure.querySelector(".chart")?.remove();
  const behind = figure.querySelector<HTMLElement>(".behind");
  if (behind) behind.hidden = false;
  const why = error instanceof Error ? error.message : String(error);
  figure.append(make("p", { class: "words" }, word("No picture: {why}", { why })));
}

async function start(figure: HTMLElement): Promise<void> {
  const kind = KINDS[figure.dataset["island"] ?? ""];
  if (!kind) throw new Error(word("this version draws no “{kind}”.", { kind: figure.dataset["island"] ?? "" }));
  const feed = new Feed(figure.dataset["src"] ?? "");
  const [{ draw }, data] = await Promise.all([kind(), feed.next()]);
  const title = figure.querySelector("figcaption h2")?.textContent?.trim() ?? "";
  const box = make("div", {
    class: "chart",
    tabindex: "0",
    role: "img",
    "aria-label": word("Picture: {title}. The table shows the same.", { title }),
  });
  const behind = figure.querySelector<HTMLElement>(".behind");
  figure.insertBefore(box, behind);
  if (behind) behind.hidden = true;
  const drawn = (await draw(box, title)) as Drawn<unknown>;
  if (drawn.key) {
    box.setAttribute("role", "application"); // keys go to the chart and not to the screen reader
    box.setAttribute("aria-label", `${title}. ${drawn.help ?? ""}`);
  }
  let shown: unknown;
  const show = (next: unknown): void => {
    drawn.show((shown = next));
    if (behind && drawn.table) fill(behind, drawn.table(shown));
  };
  show(data);
  const picture = (): string => {
    const svg = inLight(() => {
      drawn.show(shown);
      return drawn.svg();
    });
    drawn.show(shown);
    return svg;
  };
  addTools(figure, box, behind, drawn, picture);
  box.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey && drawn.key?.(event.key)) event.preventDefault();
  });
  document.addEventListener("hanse:theme", () => drawn.show(shown));
  const every = Number(figure.dataset["every"] ?? 0) * 1000;
  const again = async (): Promise<void> => {
    if (!figure.isConnected) return;
    const fresh = document.hidden ? undefined : await feed.next().catch(() => undefined);
    if (fresh !== undefined) show(fresh);
    setTimeout(() => void again(), every);
  };
  if (every > 0) setTimeout(() => void again(), every);
}

/** So many rows of a table that the script makes; the page links to the whole list. */
const MOST_ROWS = 1000;

/** Put the data into the place behind the chart as a table, unless the page has brought one itself. */
function fill(behind: HTMLElement, { head, rows }: Table): void {
  if (behind.querySelector("table:not([data-made])")) return;
  const numeric = (column: number): Record<string, string> => (head[column]?.numeric ? { class: "num" } : {});
  const heads = head.map((one, column) => make("th", { scope: "col", ...numeric(column) }, one.label));
  const lines = rows
    .slice(0, MOST_ROWS)
    .map((row) =>
      make(
        "tr",
        {},
        ...row.map((cell, column) =>
          make("td", numeric(column), typeof cell === "string" ? cell : make("a", { href: cell.url }, cell.text)),
        ),
      ),
    );
  const table = make(
    "table",
    { class: "dense", "data-made": "" },
    make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...lines),
  );
  behind.querySelector(".scroll")?.remove();
  behind.append(make("div", { class: "scroll" }, table));
}

/** Where an island's data comes from; it is fetched again only when the server says that it changed. */
class Feed {
  private tag: string | null = null;

  constructor(private readonly address: string) {}

  /** The data, or undefined when nothing changed since the last time. */
  async next(): Promise<unknown> {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (this.tag !== null) headers["If-None-Match"] = this.tag;
    const answer = await fetch(this.address, { headers });
    if (answer.status === 304 || answer.status === 204) return undefined;
    if (!answer.ok) throw new Error(problemWords(answer.status, await answer.text()));
    this.tag = answer.headers.get("ETag");
    return answer.json();
  }
}

function addTools(
  figure: HTMLElement,
  box: HTMLElement,
  behind: HTMLElement | null,
  drawn: Drawn<unknown>,
  picture: () => string,
): void {
  const tools = make("div", { class: "charttools" });
  const add = (label: string, act: (button: HTMLButtonElement) => void): void => {
    const button = make("button", { type: "button", class: "quiet" }, label);
    button.addEventListener("click", () => act(button));
    tools.append(button);
  };
  for (const tool of drawn.tools ?? []) add(tool.label, tool.act);
  if (behind) {
    add(word("Show as table"), (button) => {
      behind.hidden = !behind.hidden;
      for (const part of [box, ...all<HTMLElement>(".key, .words", figure)]) part.hidden = !behind.hidden;
      button.textContent = behind.hidden ? word("Show as table") : word("Show as picture");
    });
  }
  add(word("Save as SVG"), () => save(picture(), `${figure.dataset["name"] ?? "chart"}.svg`));
  (figure.querySelector("figcaption") ?? figure).append(tools);
}

function save(svg: string, name: string): void {
  const address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
