/** What was typed into a form outlives a reload, a lost session and a closed lid, in this tab, until it is sent. */
import { all } from "./elements.ts";

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

const FIELDS = "input:not([type=hidden], [type=password], [type=file]), select, textarea";
const keyOf = (form: HTMLFormElement): string => `hanse-form:${location.pathname}:${form.dataset["keep"] ?? ""}`;

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

/** Serve the forms with `data-keep`. Passwords and files are never kept. */
export function keepForms(root: ParentNode): void {
  for (const form of all<HTMLFormElement>("form[data-keep]", root)) {
    restore(form);
    form.addEventListener("input", () => sessionStorage.setItem(keyOf(form), JSON.stringify(values(form))));
    form.addEventListener("submit", () => sessionStorage.removeItem(keyOf(form)));
  }
}
