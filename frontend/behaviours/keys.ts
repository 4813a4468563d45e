/** Single keys: they work everywhere but where the person types, and never together with Ctrl, Alt or Meta. */
import { word } from "../words.ts";
import { isTyping, make } from "./elements.ts";
import { moveRow, openRow, selectRow } from "./lists.ts";

const HELP: readonly (readonly [string, string])[] = [
  ["/", "Search"],
  ["j", "Next row"],
  ["k", "Row before"],
  ["Enter", "Open the row"],
  ["x", "Select the row"],
  ["↑ ↓ Enter", "On a timeline: choose an attack, open it"],
  ["← → + - 0", "On a timeline: move, zoom, the whole time"],
  ["?", "These keys"],
  ["Escape", "Close, or leave the search field"],
];

function showHelp(): void {
  let dialog = document.querySelector<HTMLDialogElement>("dialog#keys");
  if (!dialog) {
    const list = make("dl", { class: "keys" });
    for (const [key, does] of HELP) list.append(make("dt", {}, make("kbd", {}, key)), make("dd", {}, word(does)));
    const close = make("button", { type: "submit", class: "primary" }, word("Close"));
    const form = make(
      "form",
      { method: "dialog", class: "form" },
      make("h2", { id: "keys-title" }, word("Keys")),
      list,
      make("p", { class: "buttons" }, close),
    );
    dialog = make("dialog", { id: "keys", class: "dialog", "aria-labelledby": "keys-title" }, form);
    document.body.append(dialog);
  }
  if (!dialog.open) dialog.showModal();
}

function focusSearch(): void {
  const field = document.querySelector<HTMLInputElement>("[data-search]");
  field?.focus();
  field?.select();
}

function closeMenus(): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open], details.waiting[open]")) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
}

const COMMANDS: Readonly<Record<string, () => void>> = {
  "/": focusSearch,
  "?": showHelp,
  j: () => moveRow(1),
  k: () => moveRow(-1),
  x: selectRow,
};

/** Listen for the keys, and close an open menu when the person clicks elsewhere. */
export function startKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === "Escape") {
      closeMenus();
      if (event.target instanceof HTMLElement && event.target.matches("[data-search]")) event.target.blur();
      return;
    }
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "Enter" && !(event.target instanceof Element && event.target.closest("a, button, summary"))) {
      if (openRow()) event.preventDefault();
      return;
    }
    const command = COMMANDS[event.key];
    if (command) {
      event.preventDefault();
      command();
    }
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open], details.waiting[open]")) {
      if (event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
    }
  });
}
