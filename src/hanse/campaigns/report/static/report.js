// The report is complete without this script; it adds zooming, sorting, filtering and lazy evidence.
"use strict";
document.documentElement.classList.add("js");

document.addEventListener("DOMContentLoaded", () => {
  const picture = document.getElementById("timeline-picture");
  if (picture) zoomable(picture);
  const table = document.getElementById("attack-table");
  if (table) attackTable(table);
  document.querySelectorAll("figure[data-export]").forEach(exportable);
});

// ---- Timeline -----------------------------------------------------------------------------------

const DAY = 86400;
const STEPS = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, DAY, 2 * DAY, 3 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const LEAST_PIXELS = 3;
const SVG = "http://www.w3.org/2000/svg";

function zoomable(picture) {
  const from = Number(picture.dataset.from) / 1e6;
  const whole = Number(picture.dataset.span);
  const inner = picture.querySelector(".inner");
  const axis = picture.querySelector(".axis");
  const moving = [...inner.querySelectorAll("[data-s]")].map((node) => ({
    node, start: Number(node.dataset.s), end: Number(node.dataset.e), text: node.tagName === "text",
    bar: node.parentNode.classList.contains("bar"),
  }));
  const bars = moving.filter((item) => item.bar).sort((a, b) => a.start - b.start);
  const buttons = document.querySelector(".zoom");
  const said = document.getElementById("timeline-window");
  let view = [0, whole];
  let waiting = false;

  const draw = () => {
    waiting = false;
    const width = picture.getBoundingClientRect().width || 1;
    const [a, b] = view;
    const least = (LEAST_PIXELS / width) * 100;
    for (const item of moving) {
      const x = ((item.start - a) / (b - a)) * 100;
      const long = ((item.end - item.start) / (b - a)) * 100;
      if (item.text) {
        item.node.setAttribute("x", `${x + long / 2}%`);
        const room = (long / 100) * width > item.node.textContent.length * 6 + 4;
        item.node.toggleAttribute("hidden", !room);
        continue;
      }
      const off = x > 101 || x + long < -1;
      item.node.toggleAttribute("hidden", off);
      if (off) continue;
      // Very wide bars are cut near the edges: some renderers lose precision far outside.
      const left = Math.max(x, -5);
      const wide = Math.max(Math.min(x + long, 105) - left, item.bar ? least : 0);
      item.node.setAttribute("x", `${item.bar ? Math.min(left, 100 - wide) : left}%`);
      item.node.setAttribute("width", `${wide}%`);
    }
    ticks(axis, from, view, width, inner.getAttribute("height"));
    buttons.querySelector("[data-zoom=reset]").disabled = a <= 0 && b >= whole;
    said.textContent = a <= 0 && b >= whole ? "" : `${stamp(from + a)} to ${stamp(from + b)} UTC`;
  };
  const redraw = () => {
    if (!waiting) requestAnimationFrame(draw);
    waiting = true;
  };
  const look = (a, b) => {
    const span = Math.min(Math.max(b - a, Math.min(10, whole)), whole);
    const start = Math.min(Math.max(a, 0), whole - span);
    view = [start, start + span];
    redraw();
  };
  const zoom = (factor, at = (view[0] + view[1]) / 2) => look(at - (at - view[0]) * factor, at + (view[1] - at) * factor);
  const pan = (part) => look(view[0] + (view[1] - view[0]) * part, view[1] + (view[1] - view[0]) * part);
  const actions = {
    in: () => zoom(0.5), out: () => zoom(2), left: () => pan(-0.25), right: () => pan(0.25), reset: () => look(0, whole),
  };
  const when = (event) => {
    const box = picture.getBoundingClientRect();
    return view[0] + ((event.clientX - box.left) / box.width) * (view[1] - view[0]);
  };

  buttons.hidden = false;
  buttons.addEventListener("click", (event) => actions[event.target.dataset.zoom]?.());
  picture.addEventListener("dblclick", actions.reset);
  picture.addEventListener("wheel", (event) => {
    // Without Ctrl, and without the picture having been clicked, the wheel belongs to the page.
    if (!event.ctrlKey && !picture.contains(document.activeElement)) return;
    event.preventDefault();
    zoom(Math.exp(event.deltaY * 0.002), when(event));
  }, { passive: false });
  picture.addEventListener("keydown", (event) => {
    const keys = { "+": "in", "=": "in", "-": "out", "−": "out", 0: "reset", Escape: "reset", ArrowLeft: "left", ArrowRight: "right" };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (keys[event.key]) actions[keys[event.key]]();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") step(event.key === "ArrowDown" ? 1 : -1);
    else return;
    event.preventDefault();
  });
  const step = (by) => {
    const now = bars.findIndex((item) => item.node.parentNode === document.activeElement);
    const inView = bars.findIndex((item) => item.end >= view[0]);
    const next = bars[now < 0 ? Math.max(inView, 0) : Math.min(Math.max(now + by, 0), bars.length - 1)];
    if (next.start < view[0] || next.start > view[1]) look(next.start - (view[1] - view[0]) / 2, next.start + (view[1] - view[0]) / 2);
    next.node.parentNode.focus({ preventScroll: true });
  };
  brush(picture, inner, when, look, () => view);
  tips(picture);
  new ResizeObserver(redraw).observe(picture);
  draw();
}

// Marks on the axis: as fine as the width has room for.
function ticks(axis, from, [a, b], width, height) {
  const room = Math.max(2, Math.floor(width / 58));
  const step = STEPS.find((size) => (b - a) / size <= room) ?? STEPS[STEPS.length - 1];
  const marks = [];
  for (let at = Math.ceil((from + a) / step) * step; at < from + b; at += step) {
    const x = `${((at - from - a) / (b - a)) * 100}%`;
    const line = document.createElementNS(SVG, "line");
    for (const [name, value] of Object.entries({ x1: x, x2: x, y1: 20, y2: height })) line.setAttribute(name, value);
    const text = document.createElementNS(SVG, "text");
    for (const [name, value] of Object.entries({ x, dx: 4, y: 15 })) text.setAttribute(name, value);
    text.textContent = mark(at, step);
    marks.push(line, text);
  }
  axis.replaceChildren(...marks);
}

function mark(at, step) {
  const day = new Date(at * 1000);
  if (step >= DAY || at % DAY === 0) return `${day.getUTCDate()} ${MONTHS[day.getUTCMonth()]}`;
  return day.toISOString().slice(11, step < 60 ? 19 : 16);
}

function stamp(at) {
  return new Date(at * 1000).toISOString().slice(0, 19).replace("T", " ");
}

// Drag over a stretch of time to look at it. A touch that moves up or down still scrolls the page.
function brush(picture, inner, when, look, view) {
  let start = null;
  let band = null;
  let dragged = false;
  picture.addEventListener("pointerdown", (event) => {
    if (event.button === 0) start = { x: event.clientX, at: when(event) };
  });
  picture.addEventListener("pointermove", (event) => {
    if (!start || Math.abs(event.clientX - start.x) < 5) return;
    if (!band) {
      band = document.createElementNS(SVG, "rect");
      band.setAttribute("class", "brush");
      band.setAttribute("y", "20");
      band.setAttribute("height", inner.getAttribute("height"));
      inner.append(band);
      picture.setPointerCapture(event.pointerId);
    }
    const [a, b] = view();
    const [low, high] = [start.at, when(event)].sort((m, n) => m - n);
    band.setAttribute("x", `${((low - a) / (b - a)) * 100}%`);
    band.setAttribute("width", `${((high - low) / (b - a)) * 100}%`);
  });
  const end = (event) => {
    dragged = Boolean(band);
    band?.remove();
    if (dragged && event.type === "pointerup") look(...[start.at, when(event)].sort((m, n) => m - n));
    start = band = null;
  };
  // The click that ends a drag must not follow a link.
  picture.addEventListener("click", (event) => { if (dragged) event.preventDefault(); }, { capture: true });
  picture.addEventListener("pointerup", end);
  picture.addEventListener("pointercancel", end);
  picture.addEventListener("dragstart", (event) => event.preventDefault());
}

// The facts of a bar beside the pointer; its <title> becomes its label, so that they show only once.
function tips(picture) {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);
  const show = (event) => {
    // Where the pointer is on no bar, the one chosen by keyboard keeps its tip.
    const pointed = event.target.closest?.(".bar");
    const bar = pointed ?? document.activeElement.closest(".bar");
    tip.hidden = !bar;
    if (!bar) return;
    const title = bar.querySelector("title");
    if (title) {
      bar.setAttribute("aria-label", title.textContent);
      title.remove();
    }
    tip.replaceChildren(...bar.getAttribute("aria-label").split(" · ").map((line) => {
      const row = document.createElement("div");
      row.textContent = line;
      return row;
    }));
    const box = bar.getBoundingClientRect();
    const x = pointed && event.type === "pointerover" ? event.clientX : box.left;
    tip.style.left = `${Math.max(8, Math.min(x + 12, document.documentElement.clientWidth - tip.offsetWidth - 8))}px`;
    const below = box.bottom + 10;
    tip.style.top = `${below + tip.offsetHeight < innerHeight ? below : box.top - tip.offsetHeight - 10}px`;
  };
  const rest = () => show({ target: document.body });
  for (const kind of ["pointerover", "focusin"]) picture.addEventListener(kind, show);
  picture.addEventListener("pointerleave", rest);
  picture.addEventListener("focusout", () => { tip.hidden = true; });
  addEventListener("scroll", rest, { passive: true });
  addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });
}

// ---- Table of attacks ---------------------------------------------------------------------------

const PAGE = 300;

function attackTable(table) {
  const items = [...table.tBodies].map((body) => ({ body, cells: body.rows[0].cells, shown: true }));
  const form = document.querySelector(".filters");
  const text = document.getElementById("filter-text");
  const vector = document.getElementById("filter-vector");
  const organisation = document.getElementById("filter-organisation");
  const shown = document.getElementById("shown");
  const rest = document.getElementById("show-all");
  let limit = PAGE;

  const paint = () => {
    const words = text.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    let matching = 0;
    for (const item of items) {
      // The evidence is searched too: it lies in the row as text until it is opened.
      if (words.length) item.text ??= item.body.textContent.replace(/<[^>]*>/g, " ").toLowerCase();
      item.shown = (!vector.value || item.body.dataset.vector === vector.value)
        && (!organisation.value || item.body.dataset.organisation === organisation.value)
        && words.every((word) => item.text.includes(word));
      if (item.shown) matching += 1;
      item.body.hidden = !item.shown || matching > limit;
    }
    shown.textContent = `${Math.min(matching, limit)} of ${items.length} attacks shown`;
    rest.hidden = matching <= limit;
    rest.textContent = `Show all ${matching}`;
  };
  const all = () => { limit = Infinity; paint(); };

  for (const item of items) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "toggle";
    button.textContent = item.cells[0].textContent;
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-label", `Evidence of attack ${button.textContent}`);
    item.cells[0].replaceChildren(button);
  }
  table.addEventListener("click", (event) => {
    const row = event.target.closest("tr.row");
    if (row && !event.target.closest("a") && !String(getSelection())) open(row.parentNode, !row.parentNode.classList.contains("open"));
  });
  sortable(table, items, paint);

  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", paint);
  document.getElementById("filter-clear").addEventListener("click", () => { form.reset(); paint(); });
  document.getElementById("open-all").addEventListener("click", () => {
    for (const item of items) if (!item.body.hidden) open(item.body, true);
  });
  rest.addEventListener("click", all);
  addEventListener("beforeprint", all);

  const aim = () => {
    let body = null;
    try {
      body = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch {
      return; // A hand-written address that is no valid escape points at nothing.
    }
    if (!body || body.parentNode !== table) return;
    if (body.hidden) { form.reset(); all(); }
    table.querySelectorAll("tbody.aim").forEach((other) => other.classList.remove("aim"));
    body.classList.add("aim");
    open(body, true);
    body.scrollIntoView({ block: "start" });
    body.querySelector(".toggle").focus({ preventScroll: true });
  };
  addEventListener("hashchange", aim);
  document.addEventListener("click", (event) => {
    // A second click on the same link changes no hash, and still should lead there.
    const link = event.target.closest("a[href^='#attack-']");
    if (link && link.getAttribute("href") === location.hash && !event.defaultPrevented) aim();
  });
  paint();
  table.classList.add("ready");
  aim();
}

// With scripts on, a <noscript> holds its content as text: it is parsed only when someone looks.
function open(body, yes) {
  const held = body.querySelector("noscript");
  if (yes && held) {
    const parsed = new DOMParser().parseFromString(held.textContent, "text/html");
    held.replaceWith(...parsed.body.childNodes);
  }
  body.classList.toggle("open", yes);
  body.querySelector(".toggle").setAttribute("aria-expanded", String(yes));
}

function sortable(table, items, paint) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = head.dataset.sort === "number"
        ? (item) => Number(item.cells[column].dataset.v)
        : (item) => item.cells[column].textContent.trim();
      const order = head.dataset.sort === "number" ? (a, b) => a - b : new Intl.Collator("en", { numeric: true }).compare;
      const keyed = items.map((item) => [key(item), item]);
      keyed.sort((a, b) => (down ? -1 : 1) * order(a[0], b[0]));
      items.splice(0, items.length, ...keyed.map(([, item]) => item));
      table.append(...items.map((item) => item.body));
      paint();
    });
  });
}

// ---- Saving a picture ---------------------------------------------------------------------------

const LOOKS = ["fill", "stroke", "stroke-width", "stroke-linejoin", "paint-order", "opacity", "font-size", "font-weight", "font-family", "text-anchor"];

function exportable(figure) {
  const picture = figure.querySelector("svg");
  if (!picture) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "save";
  button.textContent = "Save SVG";
  button.setAttribute("aria-label", `Save the picture “${figure.dataset.export}” as SVG`);
  button.addEventListener("click", () => save(picture, `${figure.dataset.export}.svg`));
  figure.append(button);
}

function save(picture, name) {
  const copy = picture.cloneNode(true);
  const shared = document.querySelector("#patterns defs");
  const defs = shared.cloneNode(true);
  for (const [from, to] of [[picture, copy], [shared, defs]]) {
    const copies = to.querySelectorAll("*");
    from.querySelectorAll("*").forEach((node, index) => {
      const looks = getComputedStyle(node);
      for (const look of LOOKS) copies[index].setAttribute(look, looks.getPropertyValue(look));
    });
  }
  copy.querySelectorAll("[hidden]").forEach((node) => node.remove());
  copy.prepend(defs);
  const box = picture.getBoundingClientRect();
  copy.setAttribute("xmlns", SVG);
  copy.setAttribute("width", box.width);
  copy.setAttribute("height", box.height);
  const ground = document.createElementNS(SVG, "rect");
  ground.setAttribute("width", "100%");
  ground.setAttribute("height", "100%");
  ground.setAttribute("fill", getComputedStyle(document.body).backgroundColor);
  copy.prepend(ground);
  const address = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
