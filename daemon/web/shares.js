// A bar cut into shares of a whole, with a legend that has the figures.
import { h, setAttribute, setText } from "./dom.js";
import { percent } from "./format.js";

// Where the accesses of a table fall.
export const TRAFFIC = [
  { name: "dedicated", label: "own row" },
  { name: "shared", label: "shared row" },
  { name: "new_ids", label: "new ids" },
];

// Of a version; null: there is none yet.
export function trafficOf(version) {
  const { dedicated = 0, shared = 0, new_ids = 0 } = version?.traffic ?? {};
  // The first two are shares of the accesses to known ids, the third is one of all.
  return { dedicated: dedicated * (1 - new_ids), shared: shared * (1 - new_ids), new_ids };
}

export class SharesBar {
  #segments = new Map();
  #bar = h("div", { class: "shares", role: "img" });
  #legend = h("ul", { class: "legend" });

  // parts: [{name, label}], `name` is a class of style.css.
  constructor(title, parts, { legend = true } = {}) {
    this.title = title;
    for (const { name, label } of parts) {
      const segment = h("span", { class: `share ${name}` });
      const figure = h("b");
      this.#bar.append(segment);
      this.#legend.append(h("li", {}, h("i", { class: `key ${name}` }), `${label} `, figure));
      this.#segments.set(name, { segment, figure, label });
    }
    this.element = legend ? h("div", {}, this.#bar, this.#legend) : this.#bar;
  }

  // values: {name: amount}; format writes an amount beside its share in the legend.
  show(values, format = null) {
    const whole = Object.values(values).reduce((sum, value) => sum + value, 0);
    const told = [];
    for (const [name, { segment, figure, label }] of this.#segments) {
      const share = whole > 0 ? values[name] / whole : 0;
      segment.style.flexGrow = share;
      const text = (format ? `${format(values[name])}, ` : "") + percent(share);
      setText(figure, text);
      told.push(`${label} ${text}`);
    }
    setAttribute(this.#bar, "aria-label", `${this.title}: ${whole > 0 ? told.join(", ") : "none yet"}`);
  }
}
