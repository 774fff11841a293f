// The list of tables: one line each, which opens to everything known of it. Which are open stands in
// the address (#table=item), so that a link or a reload shows the same.
import { h, list, setHidden, setText } from "./dom.js";
import { age, count, percent } from "./format.js";
import { SharesBar, TRAFFIC, trafficOf } from "./shares.js";
import { TableDetail } from "./table_detail.js";

// With more, people search rather than look.
const FILTER_FROM = 8;

export class Tables {
  #list;
  #filter;
  #cards = new Map();
  #status = null;

  constructor({ list: parent, filter }) {
    this.#list = parent;
    this.#filter = filter;
    filter.querySelector("input").addEventListener("input", () => this.#draw());
    window.addEventListener("hashchange", () => this.#openAddressed());
  }

  show(status) {
    const first = this.#status === null;
    this.#status = status;
    this.#draw();
    if (!first) return;
    if (status.tables.length === 1 && location.hash === "") this.#cards.get(status.tables[0].name).open(true);
    this.#openAddressed();
  }

  // A version of some table was built.
  version(record) {
    this.#cards.get(record.table)?.version(record);
  }

  // After a lost connection.
  refresh() {
    for (const card of this.#cards.values()) card.refresh();
  }

  #draw() {
    const { tables } = this.#status;
    setHidden(this.#filter, tables.length < FILTER_FROM);
    const wanted = this.#filter.querySelector("input").value.trim().toLowerCase();
    const now = Date.parse(this.#status.updated);
    list(this.#list, tables.filter((table) => table.name.toLowerCase().includes(wanted)), {
      key: (table) => table.name,
      make: (table) => {
        const card = new TableCard(table.name);
        this.#cards.set(table.name, card);
        return card.element;
      },
      update: (_, table) => this.#cards.get(table.name).show(table, now),
    });
  }

  #openAddressed() {
    const name = new URLSearchParams(location.hash.slice(1)).get("table");
    const card = this.#cards.get(name);
    if (!card) return;
    card.open(true);
    card.element.scrollIntoView({ block: "start" });
  }
}

// What keeps a table from following the stream, or what it is at, in a word or two.
function stateOf(table) {
  if (table.problem) return ["bad", "problem"];
  if (table.frozen) return ["busy", "frozen"];
  if (table.gates?.some((gate) => !gate.passed)) return ["bad", "refused"];
  if (table.last === null) return ["busy", "no version yet"];
  return ["good", "follows"];
}

class TableCard {
  #name;
  #detail = null;
  #shown = null;
  #cells = {
    version: h("span", { class: "cell" }), ids: h("span", { class: "cell" }),
    moved: h("span", { class: "cell" }), state: h("span", { class: "cell chip" }),
  };
  #traffic = new SharesBar("Traffic", TRAFFIC, { legend: false });
  #head;
  #body;

  constructor(name) {
    this.#name = name;
    const id = `table-${encodeURIComponent(name)}`;
    this.#body = h("div", { class: "detail", id, hidden: true });
    this.#head = h("button", { type: "button", class: "table-head", "aria-expanded": "false", "aria-controls": id,
      onclick: () => this.open(this.#body.hidden) },
      h("span", { class: "cell name" }, name), " ", this.#cells.version, " ", this.#cells.ids, " ",
      h("span", { class: "cell bar-cell" }, this.#traffic.element), " ", this.#cells.moved, " ", this.#cells.state);
    this.element = h("article", { class: "table-card" }, h("h3", {}, this.#head), this.#body);
  }

  show(table, now) {
    const { last } = table;
    setText(this.#cells.version, last === null ? "no version" : `v${last.version}, ${age(last.published ?? last.built, now)}`);
    setText(this.#cells.ids, `${count(table.distinct_ids)} ids → ${count(table.rows)} rows`);
    setText(this.#cells.moved, last === null ? "" : `${percent(last.traffic.moved)} moved`);
    const [kind, word] = stateOf(table);
    this.#cells.state.className = `cell chip ${kind}`;
    setText(this.#cells.state, word);
    this.#traffic.show(trafficOf(last));
    this.#shown = [table, now];
    this.#detail?.show(table, now);
  }

  open(wanted) {
    if (wanted && this.#detail === null) {
      this.#detail = new TableDetail(this.#name);
      this.#body.append(this.#detail.element);
      if (this.#shown) this.#detail.show(...this.#shown);
    }
    setHidden(this.#body, !wanted);
    this.#head.setAttribute("aria-expanded", String(wanted));
    if (wanted) {
      history.replaceState(null, "", `#table=${encodeURIComponent(this.#name)}`);
      this.#detail.refresh();
    }
  }

  version(record) {
    if (!this.#body.hidden) this.#detail.version(record);
  }

  refresh() {
    if (!this.#body.hidden) this.#detail.refresh();
  }
}
