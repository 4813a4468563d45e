/** Borders for the map: coarse shapes, and finer ones of the states too small to be in the coarse set. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { feature } from "topojson-client";
import type { Feature, FeatureCollection, Geometry, Position } from "geojson";
import type { GeometryCollection, Topology } from "topojson-specification";

type Countries = Topology<{ countries: GeometryCollection<{ name: string }> }>;

const require = createRequire(import.meta.url);

/** ISO 3166-1 alpha-2 code of a numeric code, by the aliases of Unicode CLDR; undefined where it has none. */
function alphaCode(numeric: string | number | undefined): string | undefined {
  if (numeric === undefined) return undefined;
  const region = new Intl.Locale(`und-${String(numeric).padStart(3, "0")}`).region;
  return region !== undefined && /^[A-Z]{2}$/.test(region) ? region : undefined;
}

async function countries(file: string): Promise<Feature<Geometry, { name: string }>[]> {
  const topology = JSON.parse(await readFile(require.resolve(`world-atlas/${file}`), "utf8")) as Countries;
  return feature(topology, topology.objects.countries).features;
}

/** A position to a hundredth of a degree (about 1 km), which is finer than any screen shows. */
const rounded = (position: Position): Position => position.map((degrees) => Math.round(degrees * 100) / 100);

/** A ring moved to one side of the date line; what would lie beyond it is cut off at the edge of the map. */
function onSide(ring: Position[], side: 1 | -1): Position[] {
  const moved = ring.map(([longitude = 0, latitude = 0]) => [
    longitude * side < 0 ? longitude + side * 360 : longitude,
    latitude,
  ]);
  const beyond = (at: Position | undefined): boolean => at !== undefined && (at[0] ?? 0) * side >= 180;
  return moved
    .filter((at, index) => !beyond(at) || !beyond(moved[index - 1]) || !beyond(moved[index + 1]))
    .map((at) => [beyond(at) ? side * 180 : (at[0] ?? 0), at[1] ?? 0]);
}

/** The polygon itself, or its two parts where it lies across the date line (Russia and Fiji do). */
function apart(polygon: Position[][]): Position[][][] {
  const longitudes = (polygon[0] ?? []).map(([longitude = 0]) => longitude);
  if (Math.max(...longitudes) - Math.min(...longitudes) <= 180) return [polygon];
  return [polygon.map((ring) => onSide(ring, 1)), polygon.map((ring) => onSide(ring, -1))];
}

function lighter(geometry: Geometry): Geometry {
  const polygons =
    geometry.type === "Polygon" ? [geometry.coordinates] : geometry.type === "MultiPolygon" ? geometry.coordinates : [];
  return { type: "MultiPolygon", coordinates: polygons.flatMap(apart).map((p) => p.map((ring) => ring.map(rounded))) };
}

/** GeoJSON text; each feature's `name` is its alpha-2 code, or its English name where it has no code. Without Antarctica. */
export async function borders(): Promise<string> {
  const coarse = await countries("countries-110m.json");
  const known = new Set(coarse.map((one) => one.id));
  const small = (await countries("countries-50m.json")).filter((one) => one.id !== undefined && !known.has(one.id));
  const collection: FeatureCollection<Geometry, { name: string }> = {
    type: "FeatureCollection",
    features: [...coarse, ...small]
      .map((one) => ({
        type: "Feature" as const,
        properties: { name: one.properties.name === "Kosovo" ? "XK" : (alphaCode(one.id) ?? one.properties.name) },
        geometry: lighter(one.geometry),
      }))
      .filter((one) => one.properties.name !== "AQ"),
  };
  return JSON.stringify(collection);
}
