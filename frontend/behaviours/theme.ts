/** Light or dark: the system's choice, until the person makes another one, which this browser remembers. */
import { all } from "./elements.ts";

const KEPT = "hanse-theme";

function isDark(): boolean {
  const chosen = document.documentElement.dataset["theme"];
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function show(): void {
  for (const button of all("[data-theme-toggle]")) button.setAttribute("aria-pressed", String(isDark()));
}

/** Change from light to dark or back, and tell the charts. */
export function toggleTheme(): void {
  const next = isDark() ? "light" : "dark";
  document.documentElement.dataset["theme"] = next;
  localStorage.setItem(KEPT, next);
  show();
  document.dispatchEvent(new CustomEvent("hanse:theme"));
}

/** Do something while the tokens are those of a light page; nothing is painted in between. */
export function inLight<T>(act: () => T): T {
  const root = document.documentElement;
  const before = root.dataset["theme"];
  root.dataset["theme"] = "light";
  try {
    return act();
  } finally {
    if (before === undefined) delete root.dataset["theme"];
    else root.dataset["theme"] = before;
  }
}

/** Paper is white: charts are drawn in light colours while the page is printed. */
function lightOnPaper(): void {
  const root = document.documentElement;
  let before: string | undefined;
  window.addEventListener("beforeprint", () => {
    before = root.dataset["theme"];
    root.dataset["theme"] = "light";
    root.dataset["printing"] = "";
    document.dispatchEvent(new CustomEvent("hanse:theme"));
  });
  window.addEventListener("afterprint", () => {
    delete root.dataset["printing"];
    if (before === undefined) delete root.dataset["theme"];
    else root.dataset["theme"] = before;
    document.dispatchEvent(new CustomEvent("hanse:theme"));
  });
}

/** Follow the system while nothing was chosen. */
export function startTheme(): void {
  show();
  lightOnPaper();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    show();
    document.dispatchEvent(new CustomEvent("hanse:theme"));
  });
}
