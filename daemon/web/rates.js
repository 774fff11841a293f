// Rates from counters that only grow: over the last seconds of status reports, for the figures of
// now, and between the points of a history, for charts.

const WINDOW_MS = 10_000;

export class Rates {
  #reports = [];

  // What a status says of the stream.
  add(status) {
    const time = Date.parse(status.updated);
    const last = this.#reports.at(-1);
    if (last && (time <= last.time || status.stream.samples < last.samples)) this.#reports = [];
    this.#reports.push({ time, samples: status.stream.samples, ids: status.stream.ids });
    while (this.#reports.length > 2 && this.#reports[1].time <= time - WINDOW_MS) {
      this.#reports.shift();
    }
  }

  // Per second; null while there is nothing to compare with.
  of(counter) {
    const first = this.#reports[0];
    const last = this.#reports.at(-1);
    if (!first || last.time <= first.time) return null;
    return ((last[counter] - first[counter]) * 1000) / (last.time - first.time);
  }
}

// Points {time, value} of a counter's rate. A restart counts again from its checkpoint: no rate.
export function rateOverTime(points, counter) {
  const out = [];
  for (let i = 1; i < points.length; ++i) {
    const seconds = (Date.parse(points[i].time) - Date.parse(points[i - 1].time)) / 1000;
    const grown = points[i][counter] - points[i - 1][counter];
    if (seconds > 0 && grown >= 0) {
      out.push({ time: Date.parse(points[i].time), value: grown / seconds });
    }
  }
  return out;
}

export function valueOverTime(points, name) {
  return points
    .filter((point) => point[name] !== null)
    .map((point) => ({ time: Date.parse(point.time), value: point[name] }));
}
