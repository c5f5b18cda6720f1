/**
 * The results as pictures. Guarantees: what a table has is in its plot as well, won or lost; a logarithmic axis says
 * that it is one.
 */
import { perOperation } from "./goals.mjs";
import { duration, group, median } from "./numbers.mjs";
import { Drawing, LogScale } from "./svg.mjs";
import { WORKLOADS } from "./workloads.mjs";

/** Told apart without seeing red and green (Okabe and Ito). */
const COLORS = {
  llmdb: "#d55e00",
  lmdb: "#0072b2",
  "lmdb-flushed": "#56b4e9",
  "lmdb-structures": "#332288",
  "better-sqlite3": "#009e73",
  "node-sqlite": "#8fce00",
  "classic-level": "#cc79a7",
  bare: "#666666",
};
const BASE = "llmdb";
const WIDTH = 960;
const LEFT = 400;
const RIGHT = 930;
const TOP = 84;
const ROW = 22;

/**
 * @param {import("./report.mjs").Results} results
 * @returns {Record<string, string>} SVG by the name of the plot; those that have nothing to show are left out
 */
export function plotsOf(results) {
  const plots = { ratios: ratios(results), entries: byEntries(results), latency: latencies(results) };
  return Object.fromEntries(Object.entries(plots).flatMap(([name, plot]) => (plot ? [[name, `${plot}`]] : [])));
}

/** How many times as long as the base: a dot for the median, a line for the spread. */
function ratios({ rounds, machine }) {
  const rows = Object.entries(rounds).flatMap(([workload, byEngine]) => {
    const base = byEngine[BASE] ?? [];
    if (base[0]?.samples === undefined || base[0].phases !== undefined) return [];
    const others = Object.entries(byEngine)
      .filter(([engine, measured]) => engine !== BASE && measured.length === base.length)
      .map(([engine, measured]) => ({
        engine,
        values: measured.map((round, i) => perOperation(round) / perOperation(base[i])),
      }));
    return others.length === 0 ? [] : [{ title: WORKLOADS[workload].title, others }];
  });
  if (rows.length === 0) return undefined;
  const bottom = TOP + rows.length * ROW;
  const drawing = new Drawing(WIDTH, bottom + 60, `Time of one operation, times that of ${BASE}`);
  const all = rows.flatMap(({ others }) => others.flatMap(({ values }) => values));
  const x = new LogScale([...all, 0.5, 2], LEFT, RIGHT);
  legend(drawing, new Set(rows.flatMap(({ others }) => others.map(({ engine }) => engine))));
  verticals(drawing, x, bottom, (ratio) => `×${ratio}`);
  drawing.line(x.at(1), TOP - 6, x.at(1), bottom, { color: "#222", width: 1.5 });
  drawing.text(x.at(1) - 8, bottom + 34, `← faster than ${BASE}`, { anchor: "end" });
  drawing.text(x.at(1) + 8, bottom + 34, `slower than ${BASE} →`);
  for (const [i, { title, others }] of rows.entries()) {
    const y = TOP + (i + 0.5) * ROW;
    drawing.text(LEFT - 12, y + 4, title, { anchor: "end" });
    for (const { engine, values } of others) {
      const [least, most] = [Math.min(...values), Math.max(...values)];
      drawing.line(x.at(least), y, x.at(most), y, { color: COLORS[engine], width: 2 });
      drawing.circle(x.at(median(values)), y, 5, COLORS[engine]);
    }
  }
  note(drawing, bottom + 50, `logarithmic; dot: median of the rounds, line: least to most; node ${machine.node}`);
  return drawing;
}

/** The time of a read as the database grows. */
function byEntries({ rounds, machine }) {
  const counts = Object.keys(rounds).flatMap((name) => /^get-count-(\d+)$/.exec(name)?.[1] ?? []);
  const engines = [...new Set(counts.flatMap((count) => Object.keys(rounds[`get-count-${count}`])))];
  if (counts.length < 2) return undefined;
  const lines = engines.map((engine) => ({
    engine,
    points: counts.flatMap((count) => {
      const measured = rounds[`get-count-${count}`][engine] ?? [];
      return measured.length === 0 ? [] : [[Number(count), median(measured.map(perOperation))]];
    }),
  }));
  const [left, bottom] = [90, 440];
  const drawing = new Drawing(WIDTH, bottom + 70, "Random read of 256 bytes, by the number of entries");
  const x = new LogScale(counts.map(Number), left, RIGHT - 20);
  const y = new LogScale(
    lines.flatMap(({ points }) => points.map(([, ns]) => ns)),
    bottom,
    TOP,
  );
  legend(drawing, new Set(engines));
  for (const tick of y.ticks) {
    drawing.line(left, y.at(tick), RIGHT - 20, y.at(tick));
    drawing.text(left - 8, y.at(tick) + 4, plain(tick), { anchor: "end" });
  }
  for (const count of counts.map(Number)) {
    drawing.line(x.at(count), TOP, x.at(count), bottom);
    drawing.text(x.at(count), bottom + 18, group(count), { anchor: "middle" });
  }
  for (const { engine, points } of lines) {
    const places = points.map(([count, ns]) => [x.at(count), y.at(ns)]);
    drawing.path(places, COLORS[engine]);
    for (const [px, py] of places) drawing.circle(px, py, 4, COLORS[engine]);
  }
  drawing.text((left + RIGHT) / 2, bottom + 38, "entries", { anchor: "middle" });
  note(drawing, bottom + 58, `both axes logarithmic; median of the rounds; node ${machine.node}`);
  return drawing;
}

/** From p50 to p99.9, a row for each engine and workload. */
function latencies({ rounds, machine }) {
  const blocks = Object.entries(rounds).flatMap(([workload, byEngine]) => {
    const rows = Object.entries(byEngine).flatMap(([engine, measured]) => {
      if (measured[0]?.latency === undefined) return [];
      const of = (p) => median(measured.map(({ latency }) => latency[p]));
      return [{ engine, p50: of("p50"), p99: of("p99"), p999: of("p999") }];
    });
    return rows.length === 0 ? [] : [{ title: WORKLOADS[workload].title, rows }];
  });
  if (blocks.length === 0) return undefined;
  const step = 15;
  const bottom = TOP + blocks.reduce((sum, { rows }) => sum + rows.length * step + 10, 0);
  const drawing = new Drawing(WIDTH, bottom + 50, "Latency of single operations: p50, p99 and p99.9");
  const all = blocks.flatMap(({ rows }) => rows.flatMap(({ p50, p999 }) => [p50, p999]));
  const x = new LogScale(all, LEFT, RIGHT);
  legend(drawing, new Set(blocks.flatMap(({ rows }) => rows.map(({ engine }) => engine))));
  verticals(drawing, x, bottom, plain);
  let y = TOP + 8;
  for (const { title, rows } of blocks) {
    drawing.text(LEFT - 12, y + (rows.length * step) / 2, title, { anchor: "end" });
    for (const { engine, p50, p99, p999 } of rows) {
      drawing.line(x.at(p50), y, x.at(p999), y, { color: COLORS[engine], width: 2 });
      drawing.circle(x.at(p50), y, 4, COLORS[engine]);
      drawing.rect(x.at(p99) - 1.5, y - 5, 3, 10, COLORS[engine]);
      drawing.rect(x.at(p999) - 1, y - 3, 2, 6, COLORS[engine]);
      y += step;
    }
    y += 10;
    drawing.line(LEFT, y - 12, RIGHT, y - 12, { color: "#eee" });
  }
  note(drawing, bottom + 40, `logarithmic; dot: p50, bars: p99 and p99.9; medians of the rounds; node ${machine.node}`);
  return drawing;
}

function plain(ns) {
  return duration(ns).replace(/\.0+ /, " ");
}

/** @param {Drawing} drawing @param {Set<string>} engines */
function legend(drawing, engines) {
  let x = 22;
  for (const engine of Object.keys(COLORS).filter((name) => engines.has(name))) {
    drawing.circle(x, 48, 5, COLORS[engine]);
    drawing.text(x + 10, 52, engine);
    x += 30 + engine.length * 7;
  }
}

function verticals(drawing, x, bottom, nameOf) {
  for (const tick of x.ticks) {
    drawing.line(x.at(tick), TOP - 6, x.at(tick), bottom);
    drawing.text(x.at(tick), bottom + 16, nameOf(tick), { anchor: "middle", size: 11 });
  }
}

function note(drawing, y, text) {
  drawing.text(16, y, text, { size: 11, color: "#666" });
}
