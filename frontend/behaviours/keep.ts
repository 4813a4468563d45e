/**
 * What was typed into a form outlives a reload, a lost session and a closed lid, in this tab, until it is taken.
 *
 * It is its writer's: whoever signs in at the same tab after them does not find it, and signing out forgets it.
 */
import { all } from "./elements.ts";

/** Where the key of the form that was sent last waits for the page that answers it. */
const SENT = "hanse-sent";

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

const FIELDS = "input:not([type=hidden], [type=password], [type=file]), select, textarea";
const KEPT = "hanse-form:";

/** Id of who is signed in; empty on pages that nobody is signed in on. */
const person = (): string => document.body.dataset["person"] ?? "";
const keyOf = (form: HTMLFormElement): string =>
  `${KEPT}${person()}:${location.pathname}:${form.dataset["keep"] ?? ""}`;

/** Forget all that is kept here but for one person's; without one, everything. */
function forget(except = ""): void {
  const mine = `${KEPT}${except}:`;
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(KEPT) && !(except && key.startsWith(mine))) sessionStorage.removeItem(key);
  }
}

function values(form: HTMLFormElement): [string, string | boolean][] {
  return all<Field>(FIELDS, form).map((field, index) => [
    `${index}:${field.name}`,
    field instanceof HTMLInputElement && /checkbox|radio/.test(field.type) ? field.checked : field.value,
  ]);
}

function restore(form: HTMLFormElement): void {
  const kept = sessionStorage.getItem(keyOf(form));
  if (kept === null || form.querySelector("[aria-invalid=true]")) return;
  const known = new Map(JSON.parse(kept) as [string, string | boolean][]);
  for (const [index, field] of all<Field>(FIELDS, form).entries()) {
    const value = known.get(`${index}:${field.name}`);
    if (typeof value === "boolean" && field instanceof HTMLInputElement) field.checked = value;
    else if (typeof value === "string") field.value = value;
  }
}

/** What was sent is forgotten, unless this page says that it was not taken: then the form has it when one comes back. */
export function settleSent(): void {
  const sent = sessionStorage.getItem(SENT);
  if (sent !== null && !document.querySelector("[data-unsent]")) sessionStorage.removeItem(sent);
  sessionStorage.removeItem(SENT);
}

/** Once a person is signed in, what others typed in this tab goes. */
export function forgetOthers(): void {
  if (person()) forget(person());
}

/** Serve the forms with `data-keep`, and those with `data-forget`. Passwords and files are never kept. */
export function keepForms(root: ParentNode): void {
  for (const form of all<HTMLFormElement>("form[data-forget]", root)) {
    form.addEventListener("submit", () => forget());
  }
  for (const form of all<HTMLFormElement>("form[data-keep]", root)) {
    restore(form);
    form.addEventListener("input", () => sessionStorage.setItem(keyOf(form), JSON.stringify(values(form))));
    form.addEventListener("submit", () => sessionStorage.setItem(SENT, keyOf(form)));
  }
}
