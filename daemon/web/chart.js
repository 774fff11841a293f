// Charts over time as plain SVG. Each has a sentence that says in words what the picture shows, and
// tells the value under the pointer.
import { h, setText, svg } from "./dom.js";
import { clock } from "./format.js";

const HEIGHT = 150;
const LEFT = 54;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 22;
// A longer silence between two points is a gap in the line.
const GAP = 3.5;

// The least of 1, 2, 5 times a power of ten, of the unit that fits, that is not below `value`.
function roundUp(value, base = 1000) {
  const unit = base ** Math.floor(Math.log(value) / Math.log(base));
  return unit * roundUpTen(value / unit);
}

function roundUpTen(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999999);
}

const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360].map((minutes) => minutes * 60_000);

function timeTicks(from, to, width) {
  const step = TIME_STEPS.find((candidate) => ((to - from) / candidate) * 60 <= width) ??
    TIME_STEPS.at(-1);
  const out = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) out.push(at);
  return out;
}

// What all charts have: a title, a place for the value under the pointer, the picture, and the picture
// in words. They draw themselves again when their width changes.
class Chart {
  plot = svg("svg", { height: HEIGHT, "aria-hidden": "true" });
  #told = h("p", { class: "told" });
  #under = h("output", { class: "under quiet", "aria-hidden": "true" });

  constructor(title, format) {
    this.format = format;
    this.element = h("figure", { class: "chart" },
      h("figcaption", {}, h("span", {}, title), this.#under), this.plot, this.#told);
    new ResizeObserver(() => this.draw()).observe(this.plot);
    this.plot.addEventListener("pointermove", (event) =>
      setText(this.#under, this.pointAt(event.clientX - this.plot.getBoundingClientRect().left)));
    this.plot.addEventListener("pointerleave", () => setText(this.#under, this.pointAt(null)));
  }

  get width() {
    return Math.max(this.plot.clientWidth, 120);
  }

  tell(text) {
    setText(this.#told, text);
  }

  // Of a value, where the axis ends at `top`.
  y(value, top) {
    return TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  }

  // Three lines across, each with its value.
  grid(top, labelled = true) {
    return [0, 0.5, 1].flatMap((share) => {
      const y = this.y(top * share, top);
      const line = svg("line", { class: "grid", x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y });
      if (!labelled && share > 0) return [line];
      return [line, svg("text", { class: "tick", x: LEFT - 6, y: y + 4, "text-anchor": "end" }, this.format(top * share))];
    });
  }

  below(x, text) {
    return svg("text", { class: "tick", x, y: HEIGHT - 6, "text-anchor": "middle" }, text);
  }
}

// A line over time. `format` writes a value with its unit, whose steps are `base` apart; `empty` says
// why there is nothing.
export class LineChart extends Chart {
  #empty;
  #base;
  #points = [];
  #from = 0;
  #to = 1;
  #step = 1;

  constructor({ title, format, empty, base = 1000 }) {
    super(title, format);
    this.#empty = empty;
    this.#base = base;
  }

  // points: {time, value}, ascending, between `from` and `to`, as a rule `step` apart; all ms.
  show(points, { from, to, step }) {
    this.#points = points.filter((point) => point.time >= from);
    this.#from = from;
    this.#to = to;
    this.#step = step;
    this.draw();
    const values = this.#points.map((point) => point.value);
    this.tell(values.length === 0 ? this.#empty
      : `now ${this.format(values.at(-1))}, highest ${this.format(Math.max(...values))}, ` +
        `lowest ${this.format(Math.min(...values))}`);
  }

  #x(time) {
    return LEFT + ((time - this.#from) / (this.#to - this.#from)) * (this.width - LEFT - RIGHT);
  }

  draw() {
    const width = this.width;
    const most = Math.max(...this.#points.map((point) => point.value), 0);
    const top = most > 0 ? roundUp(most, this.#base) : 1;
    const parts = this.grid(top, most > 0);
    for (const time of timeTicks(this.#from, this.#to, width)) {
      const x = this.#x(time);
      if (x >= LEFT + 12 && x <= width - RIGHT - 12) parts.push(this.below(x, clock(time)));
    }
    const bottom = this.y(0, top);
    for (const run of this.#runs()) {
      const line = run.map((point) => `${this.#x(point.time).toFixed(1)},${this.y(point.value, top).toFixed(1)}`);
      const end = this.#x(run.at(-1).time).toFixed(1);
      const begin = this.#x(run[0].time).toFixed(1);
      parts.push(svg("path", { class: "area", d: `M${begin},${bottom}L${line.join("L")}L${end},${bottom}Z` }));
      parts.push(svg("path", { class: "line", d: `M${line.join("L")}` }));
    }
    this.plot.replaceChildren(...parts);
  }

  // Stretches without a gap.
  #runs() {
    const runs = [];
    let last = null;
    for (const point of this.#points) {
      if (last === null || point.time - last.time > GAP * this.#step) runs.push([]);
      runs.at(-1).push(point);
      last = point;
    }
    return runs;
  }

  // Marks the point nearest to x and tells its value; null: the pointer is gone.
  pointAt(x) {
    this.plot.querySelector(".cursor")?.remove();
    if (x === null || this.#points.length === 0) return "";
    const nearest = this.#points.reduce((best, point) =>
      Math.abs(this.#x(point.time) - x) < Math.abs(this.#x(best.time) - x) ? point : best);
    const at = this.#x(nearest.time);
    this.plot.append(svg("line", { class: "cursor", x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM }));
    return `${clock(nearest.time, true)}  ${this.format(nearest.value)}`;
  }
}

// Versions side by side, oldest first: how much traffic each moved, and which did not get out.
export class VersionChart extends Chart {
  #describe;
  #bars = [];

  constructor({ title, format, describe }) {
    super(title, format);
    this.#describe = describe;
  }

  // bars: {version, value (null: nothing to compare with), failed}; told: the chart in words.
  show(bars, told) {
    this.#bars = bars;
    this.tell(told);
    this.draw();
  }

  get #pitch() {
    return Math.min((this.width - LEFT - RIGHT) / Math.max(this.#bars.length, 1), 26);
  }

  draw() {
    const most = Math.max(...this.#bars.map((bar) => bar.value ?? 0), 0);
    const top = most > 0 ? roundUp(most) : 0.01;
    const pitch = this.#pitch;
    const parts = this.grid(top);
    const every = Math.ceil(44 / pitch);
    this.#bars.forEach((bar, i) => {
      const x = LEFT + i * pitch;
      const thick = Math.max(pitch - 2, 1);
      if (bar.failed) {
        const [cx, cy, r] = [x + thick / 2, HEIGHT - BOTTOM - 6, Math.min(thick / 2, 4)];
        parts.push(svg("path", { class: "failed", d: `M${cx - r},${cy - r}l${2 * r},${2 * r}m0,${-2 * r}l${-2 * r},${2 * r}` }));
      } else if (bar.value !== null) {
        const height = Math.max(HEIGHT - BOTTOM - this.y(bar.value, top), bar.value > 0 ? 1.5 : 0);
        parts.push(svg("rect", { class: "bar", x, y: HEIGHT - BOTTOM - height, width: thick, height }));
      }
      if ((this.#bars.length - 1 - i) % every === 0) parts.push(this.below(x + thick / 2, `v${bar.version}`));
    });
    this.plot.replaceChildren(...parts);
  }

  pointAt(x) {
    const bar = x === null ? undefined : this.#bars[Math.floor((x - LEFT) / this.#pitch)];
    return bar ? this.#describe(bar) : "";
  }
}
