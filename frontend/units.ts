/** Times, durations, rates and counts as the console writes them; the same rules as the server's. */

const THIN_SPACE = "\u202f"; // the narrow one that does not break
const two = (part: number): string => String(part).padStart(2, "0");

/** `2007-05-09 14:32 UTC` from microseconds. */
export function minute(us: number): string {
  const at = new Date(us / 1000);
  const day = `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
  return `${day} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())} UTC`;
}

/** A whole number with thin spaces between thousands. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, THIN_SPACE);
}

/** `10 h 30 min`: the two largest units of a duration in microseconds. */
export function duration(us: number): string {
  let left = Math.round(us / 1e6);
  const parts: string[] = [];
  for (const [size, name] of [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const) {
    const whole = Math.floor(left / size);
    left -= whole * size;
    if (whole > 0) parts.push(`${whole} ${name}`);
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/** `92.4 Mbit/s`: a value with its unit and a decimal prefix. */
export function scaled(value: number, unit: string): string {
  for (const [size, prefix] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (Math.abs(value) >= size) return `${Number((value / size).toFixed(1))} ${prefix}${unit}`;
  }
  return `${Number(value.toFixed(1))} ${unit}`;
}
