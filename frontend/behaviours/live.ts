/** htmx under a strict policy: nothing evaluated, nothing from elsewhere, and nothing moves that did not change. */
import htmx from "htmx.org";
import { all } from "./elements.ts";
import { backTo, placeIn } from "./lists.ts";
import { problemWords, toast } from "./toast.ts";

const etags = new Map<string, string>();

interface RequestDetail {
  path: string;
  verb: string;
  headers: Record<string, string>;
  elt: HTMLElement;
}

interface ResponseDetail {
  xhr: XMLHttpRequest;
  pathInfo: { requestPath: string };
  requestConfig: { verb: string; elt: HTMLElement };
  shouldSwap: boolean;
}

const polls = (element: HTMLElement): boolean => /\bevery\b/.test(element.getAttribute("hx-trigger") ?? "");

/** Set htmx up and call `arrived` with every region that it puts on the page. */
export function startLive(arrived: (root: ParentNode) => void): void {
  Object.assign(htmx.config, {
    includeIndicatorStyles: false,
    allowEval: false,
    allowScriptTags: false,
    selfRequestsOnly: true,
    historyCacheSize: 0,
    scrollIntoViewOnBoost: false,
    responseHandling: [
      { code: "204|304", swap: false },
      { code: "[23]..", swap: true },
      { code: "[45]..", swap: false, error: true },
    ],
  });
  const body = document.body;
  body.addEventListener("htmx:configRequest", (event) => {
    const { path, verb, headers, elt } = (event as CustomEvent<RequestDetail>).detail;
    const known = etags.get(path);
    if (verb !== "get" || !polls(elt)) return;
    headers["Hanse-By-Itself"] = "1"; // a page that is merely open does not prolong the session
    if (known !== undefined) headers["If-None-Match"] = known;
  });
  body.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, pathInfo, requestConfig } = (event as CustomEvent<ResponseDetail>).detail;
    const tag = xhr.getResponseHeader("ETag");
    if (tag !== null && requestConfig.verb === "get") etags.set(pathInfo.requestPath, tag);
    const place = polls(requestConfig.elt) ? placeIn(requestConfig.elt) : undefined;
    if (place) body.addEventListener("htmx:afterSwap", () => backTo(place), { once: true });
  });
  body.addEventListener("htmx:responseError", (event) => {
    const { xhr } = (event as CustomEvent<ResponseDetail>).detail;
    toast(problemWords(xhr.status, xhr.responseText), "error");
  });
  body.addEventListener("htmx:sendError", () => toast(problemWords(0, ""), "error"));
  body.addEventListener("htmx:load", (event) => {
    const root = (event as CustomEvent<{ elt: HTMLElement }>).detail.elt;
    if (root !== body) arrived(root);
  });
  body.addEventListener("htmx:beforeRequest", (event) => {
    const { elt } = (event as CustomEvent<RequestDetail>).detail;
    // A region in which somebody has a menu open, a row selected or a field in use is left alone until the next round.
    const busy =
      all("details[open], input:checked, dialog[open], input:focus, textarea:focus, select:focus", elt).length > 0;
    if (polls(elt) && (busy || document.hidden)) event.preventDefault();
  });
}
