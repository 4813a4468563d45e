/** Equal Earth projection (Šavrič, Patterson and Jenny, 2018): areas on the map are in the ratio of areas on the globe. */

const A1 = 1.340264;
const A2 = -0.081106;
const A3 = 0.000893;
const A4 = 0.003796;
const M = Math.sqrt(3) / 2;
const RADIANS = Math.PI / 180;

/** The meridian in the middle of the map, degrees: its edges lie in the Bering Strait, where next to no land is cut. */
const MIDDLE = 11;

const slope = (t: number): number => A1 + 3 * A2 * t ** 2 + t ** 6 * (7 * A3 + 9 * A4 * t ** 2);
const height = (t: number): number => t * (A1 + A2 * t ** 2 + t ** 6 * (A3 + A4 * t ** 2));

/** Degrees of longitude and latitude to the plane, y downwards as on a screen. */
export function project([longitude = 0, latitude = 0]: number[]): [number, number] {
  const t = Math.asin(M * Math.sin(latitude * RADIANS));
  return [((longitude - MIDDLE) * RADIANS * Math.cos(t)) / (M * slope(t)), -height(t)];
}

/** Back to degrees, by Newton's method; twelve steps are exact to the last bit of a double. */
export function unproject([x = 0, y = 0]: number[]): [number, number] {
  let t = -y / A1;
  for (let step = 0; step < 12; step += 1) t -= (height(t) + y) / slope(t);
  const sine = Math.min(1, Math.max(-1, Math.sin(t) / M));
  return [MIDDLE + (M * x * slope(t)) / Math.cos(t) / RADIANS, Math.asin(sine) / RADIANS];
}
