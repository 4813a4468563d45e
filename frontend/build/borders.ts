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

/** Where the map is cut: a meridian that runs through the Bering Strait and meets next to no land. Degrees. */
const CUT = -169;

/** The polygon whole on the map, east of the cut: longitudes run on beyond 180 degrees instead of jumping. */
function whole(polygon: Position[][]): Position[][] {
  const longitudes = (polygon[0] ?? []).map(([longitude = 0]) => longitude);
  const jumps = Math.max(...longitudes) - Math.min(...longitudes) > 180;
  const unrolled = longitudes.map((longitude) => (jumps && longitude < 0 ? longitude + 360 : longitude));
  const middle = (Math.max(...unrolled) + Math.min(...unrolled)) / 2;
  const around = middle < CUT ? 360 : 0;
  return polygon.map((ring) =>
    ring.map(([longitude = 0, latitude = 0]) => [longitude + (jumps && longitude < 0 ? 360 : 0) + around, latitude]),
  );
}

function lighter(geometry: Geometry): Geometry {
  const polygons =
    geometry.type === "Polygon" ? [geometry.coordinates] : geometry.type === "MultiPolygon" ? geometry.coordinates : [];
  return { type: "MultiPolygon", coordinates: polygons.map((p) => whole(p).map((ring) => ring.map(rounded))) };
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
