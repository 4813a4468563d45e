/** Forms that are answered with a file: the browser stores it and the page stays, so it says what is going on. */
import { all } from "./elements.ts";

/** So long the button rests: a second click would begin it a second time. */
const RESTS_MS = 5_000;

/** Serve the forms with `data-download`: their `data-downloading` is shown once they were sent. */
export function serveDownloads(root: ParentNode): void {
  for (const form of all<HTMLFormElement>("form[data-download]", root)) {
    form.addEventListener("submit", () => {
      for (const said of all<HTMLElement>("[data-downloading]", form)) said.hidden = false;
      const buttons = all<HTMLButtonElement>("button:not([type=button])", form);
      const rest = (on: boolean) => (): void => buttons.forEach((button) => (button.disabled = on));
      setTimeout(rest(true));
      setTimeout(rest(false), RESTS_MS);
    });
  }
}
