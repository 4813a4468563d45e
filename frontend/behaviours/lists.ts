/** Lists by keyboard, selection, and the column chooser. The state of a list is in the address, never here. */
import { word } from "../words.ts";
import { all, around } from "./elements.ts";
import { visit } from "./visit.ts";

const ROW = "table[data-list] tr[data-row]";

const rows = (): HTMLTableRowElement[] => all<HTMLTableRowElement>(ROW);
const boxOf = (row: Element): HTMLInputElement | null => row.querySelector(".select input[type=checkbox]");

/** Move the mark by some rows; the first move marks the first row. */
export function moveRow(by: number): void {
  const found = rows();
  const now = found.findIndex((row) => "at" in row.dataset);
  const next = found[now < 0 ? 0 : Math.min(found.length - 1, Math.max(0, now + by))];
  if (!next) return;
  if (now >= 0) delete found[now]?.dataset["at"];
  next.dataset["at"] = "";
  next.scrollIntoView({ block: "nearest" });
  const target = next.querySelector<HTMLElement>("a[href]") ?? boxOf(next);
  target?.focus({ preventScroll: true });
}

/** Where a person is in a list: the row, whether it is marked, and which of its links or boxes has the focus. */
interface Place {
  id: string;
  marked: boolean;
  at: number;
}

const focusable = (row: Element): HTMLElement[] => all<HTMLElement>("a[href], button, input", row);

/** Where somebody is in a region that is about to be replaced. */
export function placeIn(region: Element): Place | undefined {
  const row = region.querySelector<HTMLElement>("tr[data-row]:focus-within, tr[data-row][data-at]");
  const id = row?.dataset["id"];
  if (!row || id === undefined) return undefined;
  return { id, marked: "at" in row.dataset, at: focusable(row).findIndex((one) => one === document.activeElement) };
}

/** Bring somebody back to where they were, if the row is still there. */
export function backTo({ id, marked, at }: Place): void {
  const row = rows().find((one) => one.dataset["id"] === id);
  if (!row) return;
  if (marked) row.dataset["at"] = "";
  focusable(row)[at]?.focus({ preventScroll: true });
}

/** Open the marked row. Answers whether there was one. */
export function openRow(): boolean {
  const row = document.querySelector<HTMLElement>(`${ROW}[data-at]`);
  const url = row?.dataset["url"];
  if (url === undefined) return false;
  visit(url);
  return true;
}

/** Select the marked row, or take it out of the selection. */
export function selectRow(): void {
  const row = document.querySelector(`${ROW}[data-at]`);
  if (row) boxOf(row)?.click();
}

/** Say of every row whether it is selected, and how many are. */
export function showSelection(root: ParentNode = document): void {
  for (const row of all<HTMLTableRowElement>(ROW, root)) {
    const box = boxOf(row);
    if (box) row.setAttribute("aria-selected", String(box.checked));
  }
  for (const form of all<HTMLFormElement>("form[data-bulk]")) {
    const number = all(`tbody .select input:checked`, form).length;
    for (const place of all("[data-selected]", form))
      place.textContent = word("{number} selected", { number: String(number) });
    for (const button of all<HTMLButtonElement>("button[data-least]", form))
      button.disabled = number < Number(button.dataset["least"]);
  }
}

/** A click beside a link opens the row; a ticked column is shown at once. */
export function startLists(): void {
  document.addEventListener("click", (event) => {
    const row = around<HTMLTableRowElement>(event, `${ROW}[data-url]`);
    if (!row || around(event, "a, button, input, label, summary, [data-copy], .select")) return;
    if (getSelection()?.toString() === "") visit(row.dataset["url"] ?? "");
  });
  document.addEventListener("change", (event) => {
    if (around(event, `${ROW} .select`)) showSelection();
    around<HTMLFormElement>(event, "form[data-columns]")?.requestSubmit();
  });
}
