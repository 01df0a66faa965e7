// Curves as SVG, drawn as wide as there is room, and read by pointer or arrow keys.

import { h, replace, s } from "./dom.js";
import { figure } from "./format.js";

const height = 220;
const margin = { top: 10, right: 14, bottom: 30, left: 56 };

/** Round steps, of which at most six make the range. */
function ticks(low, high) {
  const power = 10 ** Math.floor(Math.log10((high - low) / 5));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => (high - low) / candidate <= 6);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** The range of some values, a little wider; from zero on if nothing is far from it. */
function range(values, fromZero) {
  if (values.length === 0) return [0, 1];
  let low = Math.min(...values);
  let high = Math.max(...values);
  if (fromZero || (low >= 0 && low < 0.4 * high)) low = Math.min(0, low);
  if (low === high) { low -= Math.abs(low) * 0.1 || 0.5; high += Math.abs(high) * 0.1 || 0.5; }
  const step = ticks(low, high);
  const width = step.length > 1 ? step[1] - step[0] : high - low;
  return [Math.floor(low / width + 1e-9) * width, Math.ceil(high / width - 1e-9) * width];
}

/**
 * A chart over rounds.
 *
 * @param options `title`; `format` of values, and `tick` of those on the axis where that is another; `fromZero`.
 * @returns `element`, and `update(series)`, where each is `{name, points: [[x, y], …], dashed}`.
 */
export function chart({ title, format, tick: label = format, fromZero = false }) {
  const legend = h("div", { class: "legend" });
  const readout = h("output", { class: "readout" });
  const canvas = s("svg", { role: "img", "aria-label": title });
  const box = h("div", { class: "canvas", tabindex: "0", role: "group", "aria-label": `${title}: read with arrow keys` }, canvas);
  const element = h("figure", { class: "chart card", hidden: true }, h("figcaption", {}, title, readout), legend, box);
  let series = [];
  /** The places that have points, in order. */
  let places = [];
  let cursor;
  let frame;

  function draw() {
    const width = Math.max(240, box.clientWidth);
    const all = series.flatMap((line) => line.points);
    const across = all.map(([x]) => x);
    const [left, right] = across.length > 0 ? [Math.min(...across), Math.max(...across)] : [0, 1];
    const [low, high] = range(all.map(([, y]) => y), fromZero);
    const x = (value) => margin.left + (width - margin.left - margin.right) * (right > left ? (value - left) / (right - left) : 0.5);
    const y = (value) => height - margin.bottom - (height - margin.top - margin.bottom) * ((value - low) / (high - low));
    frame = { x, y, left, right, width };
    canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
    canvas.setAttribute("width", width);
    canvas.setAttribute("height", height);
    const rounds = right > left ? ticks(left, right).filter(Number.isInteger) : [left];
    replace(canvas,
      ticks(low, high).map((tick) => [
        s("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: y(tick), y2: y(tick) }),
        s("text", { class: "tick", x: margin.left - 8, y: y(tick) + 4, "text-anchor": "end" }, label(tick)),
      ]),
      rounds.map((tick) => s("text", { class: "tick", x: x(tick), y: height - 10, "text-anchor": "middle" }, tick)),
      series.map((line, index) => [
        s("polyline", {
          class: `line s${(line.color ?? index) % 8}${line.dashed ? " dashed" : ""}`,
          points: line.points.map((point) => `${x(point[0]).toFixed(1)},${y(point[1]).toFixed(1)}`).join(" "),
        }),
        line.points.length === 1 &&
          s("circle", { class: `dot s${(line.color ?? index) % 8}`, cx: x(line.points[0][0]), cy: y(line.points[0][1]), r: 3 }),
      ]),
      s("g", { class: "cursor" }));
    point(cursor);
  }

  /** Shows the values at a place. */
  function point(place) {
    cursor = place;
    const marks = canvas.querySelector(".cursor");
    if (place === undefined || !marks) {
      marks?.replaceChildren();
      readout.textContent = series[0]?.points.length ? latest() : "";
      return;
    }
    const values = series.map((line, index) => ({ line, index, at: line.points.find(([x]) => x === place) }))
      .filter(({ line, at }) => at && !line.dashed);
    replace(marks,
      s("line", { class: "grid", x1: frame.x(place), x2: frame.x(place), y1: margin.top, y2: height - margin.bottom }),
      values.map(({ line, index, at }) =>
        s("circle", { class: `dot s${(line.color ?? index) % 8}`, cx: frame.x(place), cy: frame.y(at[1]), r: 3.5 })));
    readout.textContent = `round ${place}: ${values.map(({ line, at }) =>
      values.length > 1 ? `${line.name} ${format(at[1])}` : format(at[1])).join(", ")}`;
  }

  function latest() {
    const points = series[0].points;
    return format(points[points.length - 1][1]);
  }

  box.addEventListener("pointermove", (event) => {
    if (places.length === 0 || !frame) return;
    const offset = event.clientX - canvas.getBoundingClientRect().left;
    point(places.reduce((best, place) => Math.abs(frame.x(place) - offset) < Math.abs(frame.x(best) - offset) ? place : best));
  });
  box.addEventListener("pointerleave", () => point(undefined));
  box.addEventListener("blur", () => point(undefined));
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || places.length === 0) return;
    event.preventDefault();
    const index = cursor === undefined ? (step > 0 ? -1 : places.length) : places.indexOf(cursor);
    point(places[Math.min(places.length - 1, Math.max(0, index + step))]);
  });
  new ResizeObserver(() => draw()).observe(box);

  return {
    element,
    update(lines) {
      series = lines
        .map((line) => ({ ...line, points: line.points.filter(([, y]) => figure(y) !== undefined) }))
        .filter((line) => line.points.length > 0);
      places = [...new Set(series.filter((line) => !line.dashed).flatMap((line) => line.points.map(([x]) => x)))].sort((a, b) => a - b);
      element.hidden = series.length === 0;
      replace(legend, series.length > 1 && series.map((line, index) =>
        h("span", { class: `entry s${(line.color ?? index) % 8}` }, line.name)));
      if (!element.hidden && box.isConnected) draw();
    },
  };
}
