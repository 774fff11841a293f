// What was built for a table and what became of it: a chart of how much each version moved, and a
// table with everything else.
import { get, tablePath } from "./api.js";
import { rollBack } from "./actions.js";
import { VersionChart } from "./chart.js";
import { h, list, setText } from "./dom.js";
import { count, dateTime, duration, percent, plural } from "./format.js";

const SHOWN = 12;
const CHARTED = 60;
const OUTCOMES = {
  published: "published", refused: "refused by a gate", failed: "could not be published",
  found: "found at the start",
};
const isOut = (record) => record.outcome === "published" || record.outcome === "found";

export class Versions {
  #table;
  #records = [];
  #all = false;
  #chart = new VersionChart({
    title: "Traffic that versions moved",
    format: (value) => percent(value, value < 0.1 ? 1 : 0),
    describe: (bar) => `v${bar.version}  ${bar.failed ? bar.outcome : percent(bar.value, 2)}`,
  });
  #body = h("tbody");
  #more = h("button", { type: "button", onclick: () => {
    this.#all = !this.#all;
    this.#draw();
  } });

  constructor(table) {
    this.#table = table;
    const heads = [["Version"], ["When"], ["Outcome"], ["Samples", "number"], ["Ids", "number"],
      ["Moved", "number"], ["Dedicated", "number"], ["Built in", "number"], [""]];
    this.element = h("section", { class: "panel wide", "aria-label": "Versions" },
      h("h4", {}, "Versions"), this.#chart.element,
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "List of versions" },
        h("table", { class: "figures" },
          h("thead", {}, h("tr", {}, ...heads.map(([name, kind]) =>
            name ? h("th", { scope: "col", class: kind }, name) : h("td")))),
          this.#body)), this.#more);
  }

  async refresh() {
    try {
      this.#records = (await get(tablePath(this.#table, "versions"))).versions;
    } catch {
      return;  // the headline tells of a lost connection
    }
    this.#draw();
  }

  add(record) {
    this.#records = [record, ...this.#records].slice(0, 100);
    // Only the daemon knows which it still keeps.
    this.refresh();
  }

  #draw() {
    const charted = this.#records.slice(0, CHARTED).reverse();
    const out = charted.filter(isOut);
    const moved = out.map((record) => record.moved_traffic).sort((a, b) => a - b);
    const refused = charted.length - out.length;
    this.#chart.show(
      charted.map((record, i) => ({
        version: record.version, failed: !isOut(record), outcome: OUTCOMES[record.outcome],
        // The first version has nothing to differ from.
        value: record.version === 1 || (i === 0 && record.outcome === "found") ? null : record.moved_traffic,
      })),
      charted.length === 0 ? "No version has been built yet."
        : `${plural(out.length, "version")}; median moved ${percent(moved[Math.floor(moved.length / 2)], 2)}` +
          (refused > 0 ? `; ${refused} did not get out (marked with a cross)` : ""));
    const newest = this.#records.find(isOut)?.version;
    list(this.#body, this.#all ? this.#records : this.#records.slice(0, SHOWN), {
      key: (record) => `${record.version} ${record.when}`,
      make: (record) => this.#row(record, record.version !== newest),
      update: (row, record) => {
        row.lastChild.firstChild.hidden = !isOut(record) || record.version === newest;
      },
    });
    this.#more.hidden = this.#records.length <= SHOWN;
    setText(this.#more, this.#all ? "Show fewer" : `Show all ${this.#records.length}`);
  }

  #row(record) {
    const gates = (record.gates ?? []).map((gate) => `${gate.passed ? "✓" : "✗"} ${gate.gate}: ${gate.finding}`);
    const told = [record.problem, ...gates].filter(Boolean).join("\n");
    const outcome = h("td", { title: told },
      h("span", { class: `outcome ${record.outcome}` }, OUTCOMES[record.outcome]));
    if (record.rollback_of !== null) outcome.append(` (back to ${record.rollback_of})`);
    if (!isOut(record)) outcome.append(h("div", { class: "quiet" }, record.problem ?? ""));
    return h("tr", {},
      h("th", { scope: "row" }, `v${record.version}`),
      h("td", { class: "nowrap" }, dateTime(record.when)),
      outcome,
      h("td", { class: "number" }, count(record.samples)),
      h("td", { class: "number" }, count(record.ids)),
      h("td", { class: "number" }, percent(record.moved_traffic, 2)),
      h("td", { class: "number" }, percent(record.dedicated_traffic)),
      h("td", { class: "number" }, record.outcome === "found" ? "–" : duration(record.build_seconds)),
      h("td", {}, h("button", { type: "button", class: "small",
        onclick: () => rollBack(this.#table, record.version),
        "aria-label": `Roll back to version ${record.version}` }, "Roll back")));
  }
}
