/** Files dropped on the page or chosen in a form: sent with progress, then on to the page of the work. */
import { duration, scaled } from "../units.ts";
import { word } from "../words.ts";
import { all, make } from "./elements.ts";
import { notTaken } from "./keep.ts";
import { problemWords, toast } from "./toast.ts";
import { visit } from "./visit.ts";

/** Where the answer to an upload leads: JSON `url`, a header, or where redirects ended. */
function leadsTo(request: XMLHttpRequest, action: string): string {
  const header = request.getResponseHeader("HX-Redirect") ?? request.getResponseHeader("Location");
  if (header !== null) return header;
  if (request.getResponseHeader("Content-Type")?.includes("json")) {
    const { url } = JSON.parse(request.responseText) as { url?: unknown };
    if (typeof url === "string") return url;
  }
  return request.responseURL !== new URL(action, location.href).href ? request.responseURL : location.href;
}

interface Shown {
  bar: HTMLProgressElement;
  line: HTMLElement;
  stop: HTMLButtonElement;
  box: HTMLElement;
}

function progressIn(form: HTMLFormElement): Shown {
  form.querySelector(".sending")?.remove();
  const bar = make("progress", { max: "1", value: "0", "aria-label": word("Sent") });
  const line = make("p", { class: "rate small muted num" });
  const stop = make("button", { type: "button" }, word("Cancel"));
  const box = make("div", { class: "sending" }, bar, line, stop);
  form.append(box);
  return { bar, line, stop, box };
}

function showProgress(shown: Shown, done: number, total: number, began: number): void {
  const seconds = Math.max(0.001, (performance.now() - began) / 1000);
  const rate = done / seconds;
  shown.bar.value = total > 0 ? done / total : 0;
  const left = rate > 0 ? duration(((total - done) / rate) * 1e6) : "";
  shown.line.textContent =
    done < total
      ? `${scaled(done, "B")} / ${scaled(total, "B")} · ${scaled(rate, "B/s")} · ${word("{left} left", { left })}`
      : word("Sent. The node is taking it in.");
}

/** Why files are more than their field takes, as far as that can be known before they are sent; empty if they are not. */
function tooMuch(field: HTMLInputElement, files: readonly File[]): string {
  const limit = (name: string): number => Number(field.dataset[name] ?? Infinity);
  const large = files.find((file) => file.size > limit("most"));
  if (large) {
    const told = { name: large.name, size: scaled(large.size, "B"), most: scaled(limit("most"), "B") };
    return word("{name} has {size}; {most} are the most. Nothing is sent: bring it in parts.", told);
  }
  const size = files.reduce((sum, file) => sum + file.size, 0);
  if (size > limit("mostAll")) {
    const told = { size: scaled(size, "B"), most: scaled(limit("mostAll"), "B") };
    return word(
      "That is {size} in all; the node has room for {most} at once. Nothing is sent: bring it in parts.",
      told,
    );
  }
  if (files.length > limit("mostFiles")) {
    const told = { count: String(files.length), most: String(limit("mostFiles")) };
    return word("That is {count} files; {most} are the most at once. Nothing is sent: bring them in parts.", told);
  }
  return "";
}

/** Say beside a field of files, as soon as they are chosen, that they are too much; the form is not sent then. */
function serveField(field: HTMLInputElement): void {
  field.addEventListener("change", () => {
    const much = tooMuch(field, [...(field.files ?? [])]);
    field.setCustomValidity(much);
    if (field.nextElementSibling?.matches(".toomuch")) field.nextElementSibling.remove();
    if (much) field.after(make("p", { class: "errors toomuch", role: "alert" }, much));
  });
}

/** Send a form's files. One upload at a time for each form. */
function send(form: HTMLFormElement, files: readonly File[]): void {
  const field = form.querySelector<HTMLInputElement>("input[type=file]");
  if (!field || files.length === 0 || form.getAttribute("aria-busy") === "true") return;
  const much = tooMuch(field, files);
  if (much) {
    toast(much, "error");
    return;
  }
  const data = new FormData(form);
  data.delete(field.name);
  for (const file of field.multiple ? files : files.slice(0, 1)) data.append(field.name, file, file.name);
  const shown = progressIn(form);
  const began = performance.now();
  const request = new XMLHttpRequest();
  const end = (trouble?: string): void => {
    form.removeAttribute("aria-busy");
    shown.box.remove();
    notTaken();
    if (trouble !== undefined) toast(trouble, "error");
  };
  request.upload.addEventListener("progress", (event) => showProgress(shown, event.loaded, event.total, began));
  request.addEventListener("load", () => {
    if (request.status >= 400) end(problemWords(request.status, request.responseText));
    else visit(leadsTo(request, form.action));
  });
  request.addEventListener("error", () => end(problemWords(0, "")));
  request.addEventListener("abort", () => end());
  shown.stop.addEventListener("click", () => request.abort());
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json, text/html;q=0.5");
  request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
  form.setAttribute("aria-busy", "true");
  request.send(data);
}

const filesOf = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;

/** Send on the form's own button; another button that has a name is answered with a page of its own. */
function serveButton(form: HTMLFormElement): void {
  form.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("name")) return;
    event.preventDefault();
    send(form, [...(form.querySelector<HTMLInputElement>("input[type=file]")?.files ?? [])]);
  });
}

function serveZone(form: HTMLFormElement): void {
  const zone: HTMLElement = form.dataset["drop"] === "page" ? document.body : form;
  let depth = 0;
  const over = (change: number): void => {
    depth = Math.max(0, depth + change);
    form.classList.toggle("over", depth > 0);
  };
  zone.addEventListener("dragenter", (event) => filesOf(event) && over(1));
  zone.addEventListener("dragleave", (event) => filesOf(event) && over(-1));
  zone.addEventListener("dragover", (event) => filesOf(event) && event.preventDefault());
  zone.addEventListener("drop", (event) => {
    if (!filesOf(event)) return;
    event.preventDefault();
    over(-depth);
    send(form, [...(event.dataTransfer?.files ?? [])]);
  });
}

/** Serve fields of files, and the forms with `data-drop`: files come by its button, and also by the mouse unless it is `button`. */
export function serveDrops(root: ParentNode): void {
  for (const field of all<HTMLInputElement>("input[type=file][data-most]", root)) serveField(field);
  for (const form of all<HTMLFormElement>("form[data-drop]", root)) {
    serveButton(form);
    if (form.dataset["drop"] !== "button") serveZone(form);
  }
}
