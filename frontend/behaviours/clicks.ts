/** Buttons that act on the page itself: dialogs, copying, printing, the theme. */
import { word } from "../words.ts";
import { around } from "./elements.ts";
import { toggleTheme } from "./theme.ts";
import { toast } from "./toast.ts";

async function copy(element: HTMLElement): Promise<void> {
  const text = element.dataset["copy"] || element.textContent?.trim() || "";
  try {
    await navigator.clipboard.writeText(text);
    toast(word("Copied: {text}", { text: text.length > 60 ? `${text.slice(0, 60)}…` : text }));
  } catch {
    toast(word("The browser does not allow copying here. Select the text and copy it with Ctrl+C."), "error");
  }
}

/** Listen for the clicks. A copyable element also answers to Enter where it can have the focus. */
export function startClicks(): void {
  document.addEventListener("click", (event) => {
    const opener = around<HTMLElement>(event, "[data-dialog]");
    const dialog = opener && document.getElementById(opener.dataset["dialog"] ?? "");
    if (dialog instanceof HTMLDialogElement) {
      event.preventDefault();
      dialog.showModal();
    }
    if (around(event, "[data-theme-toggle]")) toggleTheme();
    if (around(event, "[data-print]")) print();
    const copied = around<HTMLElement>(event, "[data-copy]");
    if (copied) void copy(copied);
  });
}
