/**
 * What was typed into a form outlives a reload, a lost session and a closed lid, in this tab, until it is taken.
 * A browser may write to its disk what a tab keeps, so it is sealed (`keep_cipher.ts`).
 *
 * It is its writer's: whoever signs in at the same tab after them does not find it, signing out forgets it, and it is
 * forgotten by itself some hours after the last letter. Of a file that was chosen its name alone is kept: a browser
 * lets no page choose a file, so that the form says which to choose again.
 */
import { word } from "../words.ts";
import { all, make } from "./elements.ts";
import { openAround } from "./folds.ts";
import { opened, sealed } from "./keep_cipher.ts";

/** Where the key of the form that was sent last waits for the page that answers it. */
const SENT = "hanse-sent";

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

const FIELDS = "input:not([type=hidden], [type=password], [type=file]), select, textarea:not([hidden])";
const FILES = "input[type=file]";
const KEPT = "hanse-form:";
/** Longer than any session, and a night: milliseconds. */
const LIFE_MS = 12 * 3_600_000;
const SWEEP_MS = 60_000;

interface Stored {
  /** When the last letter was typed, milliseconds. */
  at: number;
  /** A `Kept`, sealed under the form's key. */
  sealed: string;
}

interface Kept {
  values: [string, string | boolean][];
  /** The fields in which files were chosen, and the names of these. */
  files: [string, string][];
}

/** Id of who is signed in; empty on pages that nobody is signed in on. */
const person = (): string => document.body.dataset["person"] ?? "";
/**
 * The whole address: what a form begins with may stand in its query, and what was begun without that must not take its
 * place, such as a report that rests on nothing the place of one that rests on an attack.
 */
const keyOf = (form: HTMLFormElement): string =>
  `${KEPT}${person()}:${location.pathname}${location.search}:${form.dataset["keep"] ?? ""}`;

/** What is stored under a key; null for nothing, and for what is too old. */
function stored(key: string): Stored | null {
  try {
    const found = JSON.parse(sessionStorage.getItem(key) ?? "null") as Stored | null;
    return found && found.at > Date.now() - LIFE_MS ? found : null;
  } catch {
    return null;
  }
}

/** What is kept of a form; null for nothing, and for what is not this person's. */
async function kept(key: string): Promise<Kept | null> {
  const found = stored(key);
  const text = found && (await opened(key, found.sealed));
  return text ? (JSON.parse(text) as Kept) : null;
}

/** Forget all that is kept here but for one person's; without one, everything. */
function forget(except = ""): void {
  const mine = `${KEPT}${except}:`;
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(KEPT) && !(except && key.startsWith(mine))) sessionStorage.removeItem(key);
  }
}

function forgetOld(): void {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(KEPT) && !stored(key)) sessionStorage.removeItem(key);
  }
}

function values(form: HTMLFormElement): Kept["values"] {
  return all<Field>(FIELDS, form).map((field, index) => [
    `${index}:${field.name}`,
    field instanceof HTMLInputElement && /checkbox|radio/.test(field.type) ? field.checked : field.value,
  ]);
}

/** Names of the files that are chosen, or were before the page came anew. */
function files(form: HTMLFormElement): Kept["files"] {
  return all<HTMLInputElement>(FILES, form).flatMap((field): Kept["files"] => {
    const names = [...(field.files ?? [])].map((file) => file.name).join(", ") || field.dataset["before"];
    return names ? [[field.name, names]] : [];
  });
}

/** By form, the letter that was typed last: what was sealed of an earlier one is not stored over it. */
const last = new WeakMap<HTMLFormElement, symbol>();

async function keep(form: HTMLFormElement): Promise<void> {
  const letter = Symbol();
  last.set(form, letter);
  const now: Kept = { values: values(form), files: files(form) };
  const text = await sealed(keyOf(form), JSON.stringify(now));
  if (text === null || last.get(form) !== letter) return;
  const told: Stored = { at: Date.now(), sealed: text };
  try {
    sessionStorage.setItem(keyOf(form), JSON.stringify(told));
  } catch {
    // More was typed than a browser keeps for a page: it stands in the form, and outlives no reload.
  }
}

async function restore(form: HTMLFormElement): Promise<void> {
  const found = await kept(keyOf(form));
  if (!found || last.has(form)) return;
  nameFiles(form, new Map(found.files));
  if (form.querySelector("[aria-invalid=true]")) return;
  const known = new Map(found.values);
  for (const [index, field] of all<Field>(FIELDS, form).entries()) {
    const value = known.get(`${index}:${field.name}`);
    const before = field instanceof HTMLInputElement && typeof value === "boolean" ? field.checked : field.value;
    if (typeof value === "boolean" && field instanceof HTMLInputElement) field.checked = value;
    else if (typeof value === "string") field.value = value;
    if (value !== undefined && value !== before) openAround(field);
  }
}

/** Say under each field of a file which was chosen before, until one is. */
function nameFiles(form: HTMLFormElement, before: ReadonlyMap<string, string>): void {
  for (const field of all<HTMLInputElement>(FILES, form)) {
    const name = before.get(field.name);
    if (name === undefined || field.files?.length) continue;
    field.dataset["before"] = name;
    const note = make(
      "p",
      { class: "message warning", role: "status" },
      word("Choose {name} again: a browser keeps no file for a page.", { name }),
    );
    field.after(note);
    field.addEventListener("change", () => note.remove(), { once: true });
  }
}

/** What was sent is forgotten, unless this page says that it was not taken: then the form has it when one comes back. */
export function settleSent(): void {
  const sent = sessionStorage.getItem(SENT);
  const refused = document.querySelector("[data-unsent], form .errors, [aria-invalid=true]");
  if (sent !== null && !refused) sessionStorage.removeItem(sent);
  notTaken();
}

/** What was sent did not arrive: it stays kept, whichever page comes next. */
export function notTaken(): void {
  sessionStorage.removeItem(SENT);
}

/** Once a person is signed in, what others typed in this tab goes; what is too old goes now and while the page is open. */
export function forgetOthers(): void {
  if (person()) forget(person());
  forgetOld();
  setInterval(forgetOld, SWEEP_MS);
}

/** Serve the forms with `data-keep`, and those with `data-forget`. Passwords and files are never kept. */
export function keepForms(root: ParentNode): void {
  for (const form of all<HTMLFormElement>("form[data-forget]", root)) {
    form.addEventListener("submit", () => forget());
  }
  for (const form of all<HTMLFormElement>("form[data-keep]", root)) {
    void restore(form);
    form.addEventListener("input", () => void keep(form));
    form.addEventListener("submit", () => sessionStorage.setItem(SENT, keyOf(form)));
  }
}
