// The stream as a whole: figures of now, and charts of how they went.
import { get } from "./api.js";
import { LineChart } from "./chart.js";
import { h, list, setHidden, setText } from "./dom.js";
import { age, bytes, count, duration, percent, plural, short } from "./format.js";
import { rateOverTime, valueOverTime } from "./rates.js";

const SPANS = [
  { name: "30m", label: "30 min", ms: 30 * 60_000 },
  { name: "12h", label: "12 h", ms: 12 * 3_600_000 },
];

const isFile = (status) => status.source.startsWith("file ");

// Messages that have not been read, of all partitions; null for a file or while it is not known.
export function lagOf(status) {
  const lags = status.input.partitions.map((partition) => partition.lag_messages);
  if (lags.length === 0 || lags.includes(null)) return null;
  return lags.reduce((sum, lag) => sum + lag, 0);
}

function tilesOf(status, rates) {
  const { stream, input, checkpoint, memory } = status;
  const now = Date.parse(status.updated);
  const lag = lagOf(status);
  const rate = rates.of("samples");
  return [
    {
      name: "Samples",
      value: rate === null ? "–" : `${short(rate)}/s`,
      note: `${count(stream.samples)} in all` +
        (stream.label_mean === null ? ", no labels" : `, mean label ${percent(stream.label_mean)}`),
    },
    {
      name: "Ids",
      value: rates.of("ids") === null ? "–" : `${short(rates.of("ids"))}/s`,
      note: `${count(stream.ids)} accesses in all`,
    },
    {
      name: "Behind",
      value: lag === null ? "–" : `${short(lag)}`,
      note: isFile(status) ? "a file has no lag" : lag === null ? "not known yet"
        : `messages, of ${plural(input.partitions.length, "partition")}` +
          (rate > 0 && lag > 0 ? `, ${duration(lag / rate)}` : ""),
    },
    {
      name: "Not readable",
      value: short(input.dead_letters),
      bad: input.dead_letters > 0 || input.lost_events > 0,
      note: "dead letters" + (input.lost_events > 0 ? `, ${plural(input.lost_events, "lost event")}` : ", nothing lost"),
    },
    {
      name: "Memory",
      value: bytes(memory.resident),
      note: `statistics ${bytes(memory.tables + memory.learners)}`,
    },
    {
      name: "Checkpoint",
      value: checkpoint.enabled ? age(checkpoint.last, now) : "off",
      bad: checkpoint.problem !== null || !checkpoint.enabled,
      note: checkpoint.problem ?? (checkpoint.enabled
        ? `${bytes(checkpoint.last_bytes)}, ${count(checkpoint.saved)} saved`
        : "a restart begins with empty statistics"),
    },
  ];
}

export class Overview {
  #tiles;
  #span = SPANS[0];
  #asked = 0;
  #samples = new LineChart({
    title: "Samples per second", format: (value) => `${short(value)}/s`,
    empty: "The first points come in a few seconds.",
  });
  #lag = new LineChart({
    title: "Messages behind", format: short,
    empty: "Not known until all partitions have been heard of.",
  });
  #memory = new LineChart({
    title: "Memory", format: bytes, base: 1024, empty: "The first points come in a few seconds.",
  });

  constructor({ tiles, charts, span }) {
    this.#tiles = tiles;
    charts.append(this.#samples.element, this.#lag.element, this.#memory.element);
    for (const choice of SPANS) {
      span.append(h("button", {
        type: "button", "aria-pressed": String(choice === this.#span),
        onclick: (event) => {
          this.#span = choice;
          for (const button of span.children) {
            button.setAttribute("aria-pressed", String(button === event.currentTarget));
          }
          this.refresh();
        },
      }, choice.label));
    }
  }

  show(status, rates) {
    list(this.#tiles, tilesOf(status, rates), {
      key: (tile) => tile.name,
      make: (tile) => h("div", { class: "tile" }, h("dt", {}, tile.name), h("dd", { class: "value" }),
        h("dd", { class: "quiet" })),
      update: (element, tile) => {
        const [, value, note] = element.children;
        setText(value, tile.value);
        setText(note, tile.note);
        element.classList.toggle("bad", Boolean(tile.bad));
      },
    });
    setHidden(this.#lag.element, isFile(status));
    if (Date.now() - this.#asked >= 5000) this.refresh();
  }

  async refresh() {
    this.#asked = Date.now();
    const span = this.#span;
    let history;
    try {
      history = await get(`v1/history?span=${span.name}`);
    } catch {
      return;  // the headline tells of a lost connection
    }
    if (span !== this.#span || history.points.length === 0) return;
    const { points } = history;
    const to = Date.parse(points.at(-1).time);
    // A young daemon's charts show what there is, not an empty half hour.
    const past = Math.max(to - Date.parse(points[0].time), 60_000);
    const window = { from: to - Math.min(span.ms, past), to, step: history.step_seconds * 1000 };
    this.#samples.show(rateOverTime(points, "samples"), window);
    this.#lag.show(valueOverTime(points, "lag_messages"), window);
    this.#memory.show(valueOverTime(points, "resident_bytes"), window);
  }
}
