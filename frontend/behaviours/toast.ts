/** Short messages at the corner of the page; an error stays until it is put away. */
import { word } from "../words.ts";
import { make } from "./elements.ts";

const STAYS_MS = 5000;

function corner(): HTMLElement {
  const there = document.querySelector<HTMLElement>(".toasts");
  if (there) return there;
  const made = make("div", { class: "toasts", role: "status", "aria-live": "polite" });
  document.body.append(made);
  return made;
}

/** Show a message. The same text is never there twice. */
export function toast(text: string, kind: "info" | "error" = "info"): void {
  const place = corner();
  for (const other of place.children) if (other.firstElementChild?.textContent === text) return;
  const away = make("button", { type: "button", class: "quiet" }, word("Put away"));
  const box = make("div", { class: `toast ${kind}` }, make("p", {}, text), away);
  away.addEventListener("click", () => box.remove());
  place.append(box);
  if (kind === "info") setTimeout(() => box.remove(), STAYS_MS);
}

/** What went wrong, in the words of an RFC 9457 answer where it is one. */
export function problemWords(status: number, body: string): string {
  try {
    const problem = JSON.parse(body) as { title?: unknown; detail?: unknown };
    const said = [problem.detail, problem.title].find((part) => typeof part === "string" && part !== "");
    if (typeof said === "string") return said;
  } catch {
    const page = new DOMParser().parseFromString(body, "text/html");
    const said = [...page.querySelectorAll(".problem h1, .problem h1 + p")].map((part) => part.textContent?.trim());
    if (said.length > 0) return said.join(": ");
  }
  if (status === 0) return word("The node does not answer. It is asked again as soon as you try again.");
  return word("The node refused this (status {status}). Reload the page; if it stays so, tell your administrator.", {
    status: String(status),
  });
}
