/** Forms that are answered with a file: the browser stores it and the page stays, so it says what is going on. */
import { all } from "./elements.ts";

/** How many archives an element lists. */
const listed = (element: HTMLElement | null): number => element?.querySelectorAll("li").length ?? 0;

/** So long the button rests: a second click would begin it a second time. */
const RESTS_MS = 5_000;

/**
 * Serve the forms with `data-download`: their `data-downloading` is shown once they were sent, until the element that
 * `data-download` names, which is kept up to date, lists one more.
 */
export function serveDownloads(root: ParentNode): void {
  for (const form of all<HTMLFormElement>("form[data-download]", root)) {
    const list = (): HTMLElement | null => document.getElementById(form.dataset["download"] ?? "");
    form.addEventListener("submit", () => {
      const said = all<HTMLElement>("[data-downloading]", form);
      const show = (on: boolean): void => said.forEach((one) => (one.hidden = !on));
      const before = listed(list());
      const look = (): void => {
        if (listed(list()) <= before) return;
        show(false);
        document.body.removeEventListener("htmx:afterSettle", look);
      };
      show(true);
      document.body.addEventListener("htmx:afterSettle", look);
      const buttons = all<HTMLButtonElement>("button:not([type=button])", form);
      const rest = (on: boolean) => (): void => buttons.forEach((button) => (button.disabled = on));
      setTimeout(rest(true));
      setTimeout(rest(false), RESTS_MS);
    });
  }
}
