/** The script's own words: English, replaced by those of the page's `<script type="application/json" id="words">`. */

let translated: Record<string, string> | undefined;

/** The page's word for an English one; `{name}` in it is replaced by the value of that name. */
export function word(english: string, values: Record<string, string> = {}): string {
  translated ??= JSON.parse(document.getElementById("words")?.textContent ?? "{}") as Record<string, string>;
  const text = translated[english] ?? english;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}
