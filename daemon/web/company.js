// The most frequent ids of a table with the ids they share rows with, and the row of any id.
import { get, tablePath } from "./api.js";
import { h, setText } from "./dom.js";
import { count, plural, short } from "./format.js";

const SHOWN = 8;
const MATES = 12;

export class Company {
  #table;
  #own = new IdTable("Ids that own a row", (id) => this.#lookUp(id));
  #sharing = new IdTable("Ids that share a row", (id) => this.#lookUp(id));
  #told = h("p", { class: "quiet" }, "Asking …");
  #report = h("div", { class: "report", role: "status", "aria-live": "polite" });
  #id = h("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: "an id, as in the events" });

  constructor(table) {
    this.#table = table;
    const form = h("form", { class: "lookup" },
      h("label", {}, "Look up an id ", this.#id), h("button", { type: "submit" }, "Look up"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#id.value.trim() !== "") this.#lookUp(this.#id.value.trim());
    });
    this.element = h("section", { class: "panel", "aria-label": "Ids" },
      h("h4", {}, "The most frequent ids"), this.#told, this.#own.element, this.#sharing.element,
      form, this.#report);
  }

  async refresh() {
    let own;
    let sharing;
    try {
      [own, sharing] = await Promise.all(["dedicated", "shared"].map((role) =>
        get(tablePath(this.#table, `heaviest?count=${SHOWN}&role=${role}`))));
    } catch (error) {
      return setText(this.#told, error.message);
    }
    this.#own.show(own.ids);
    this.#sharing.show(sharing.ids);
    setText(this.#told, own.ids.length + sharing.ids.length === 0
      ? "No version yet: no id has a row." : "Choose one to see who shares its row.");
  }

  async #lookUp(asked) {
    let found;
    try {
      found = await get(tablePath(this.#table, `lookup?id=${encodeURIComponent(asked)}&count=${MATES}`));
    } catch (error) {
      this.#report.replaceChildren(h("p", { class: "bad" }, error.message));
      return;
    }
    const name = found.id === asked ? found.id : `${asked} (hashed to ${found.id})`;
    const seen = found.frequency > 0 ? `${count(found.frequency)} accesses` : "not among the tracked ids";
    const where = found.row === null ? "no version has been published yet"
      : `row ${count(found.row)} in version ${found.version}`;
    const others = found.row_mates.filter((mate) => mate.id !== found.id);
    this.#report.replaceChildren(
      h("p", {}, h("b", {}, name), `: ${seen}; ${where}.`),
      others.length === 0
        ? h("p", { class: "quiet" }, found.row === null ? "" : "No other tracked id is on that row.")
        : h("p", {}, `${plural(found.row_ids - (found.frequency > 0 ? 1 : 0), "other id")} on that row` +
            (others.length < found.row_ids - 1 ? ", the most frequent: " : ": ")),
      h("ul", { class: "mates" }, ...others.map((mate) =>
        h("li", {}, idButton(mate.id, (id) => this.#lookUp(id)),
          h("span", { class: "quiet" }, ` ${short(mate.frequency)}`)))));
  }
}

class IdTable {
  #body = h("tbody");
  #choose;

  constructor(title, choose) {
    this.#choose = choose;
    this.element = h("table", { class: "figures ids", hidden: true },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, title),
        h("th", { scope: "col", class: "number" }, "Accesses"),
        h("th", { scope: "col", class: "number" }, "Row"),
        h("th", { scope: "col", class: "number" }, "Others there"))),
      this.#body);
  }

  show(ids) {
    this.element.hidden = ids.length === 0;
    this.#body.replaceChildren(...ids.map((id) => h("tr", {},
      h("th", { scope: "row" }, idButton(id.id, this.#choose)),
      h("td", { class: "number" }, count(id.frequency)),
      h("td", { class: "number" }, count(id.row)),
      h("td", { class: "number" }, count(id.row_ids - 1)))));
  }
}

function idButton(id, choose) {
  return h("button", { type: "button", class: "id", onclick: () => choose(id) }, id);
}
