// Serves the sample page under the same content policy as a node, with made-up answers to its requests.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";

const PORT = Number(process.env["PORT"] ?? 8017);
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};
const STATIC = new URL("../../src/hanse/console/static/console/", import.meta.url);
let done = 0;

/** @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response */
async function answer(request, response) {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  response.setHeader("Content-Security-Policy", POLICY);
  if (request.method === "POST") {
    request.resume();
    request.on("end", () => response.setHeader("Content-Type", "application/json").end('{"url": "/?sent"}'));
    return;
  }
  if (pathname === "/job") {
    done = (done + 3) % 101;
    response.setHeader("Content-Type", TYPES[".html"] ?? "");
    response.end(
      `<section class="job" hx-get="/job" hx-trigger="every 1s" hx-swap="outerHTML"><h2>Reading capture.pcap</h2>` +
        `<progress value="${done}" max="100" aria-label="Reading capture.pcap">${done}%</progress>` +
        `<p class="rate num">${done * 10} MB of 1.0 GB · 92 MB/s · ${Math.ceil((100 - done) / 9)} s left</p>` +
        `<form method="post" action="/cancel"><button>Cancel</button></form></section>`,
    );
    return;
  }
  const file = pathname.startsWith("/static/console/")
    ? new URL(pathname.slice("/static/console/".length), STATIC)
    : new URL(pathname === "/" ? "index.html" : `.${pathname}`, import.meta.url);
  try {
    const body = await readFile(file);
    response.setHeader("Content-Type", TYPES[extname(file.pathname)] ?? "application/octet-stream").end(body);
  } catch {
    response.writeHead(404).end("There is no such file.");
  }
}

createServer((request, response) => void answer(request, response)).listen(PORT, "127.0.0.1", () => {
  console.log(`The sample page is at http://localhost:${PORT}/`);
});
