// Everything known of one table: how its rows are used and where its traffic falls, its versions and
// gates, its ids, and what can be done about it.
import { publishNow, setFrozen } from "./actions.js";
import { Company } from "./company.js";
import { h, list, setText } from "./dom.js";
import { age, bytes, count, duration, percent, plural } from "./format.js";
import { SharesBar, TRAFFIC, trafficOf } from "./shares.js";
import { Versions } from "./versions.js";

const ROWS = [
  { name: "dedicated", label: "of one id" },
  { name: "shared", label: "shared by alike ids" },
  { name: "new_ids", label: "for new ids" },
];

const LEARNERS = { supervised: "labels", co_access: "the ids they occur with" };

function factsOf(table, now) {
  const { last } = table;
  const facts = [
    ["Distinct ids", `${count(table.distinct_ids)} (estimated)`],
    ["Tracked ids", count(table.tracked_ids) +
      (table.evicted_ids > 0 ? `, ${count(table.evicted_ids)} made room` : ", all of them")],
    ["Accesses", count(table.accesses)],
    ["Strategy", table.strategy + (LEARNERS[table.learner]
      ? `, alike by ${LEARNERS[table.learner]} (${table.learner_reason})` : "")],
    ["Memory", bytes(table.memory_bytes)],
    ["Versions", `${count(table.versions.published)} published, ${count(table.versions.refused)} refused, ` +
      `${count(table.versions.failed)} failed since the start`],
    ["Next version", table.frozen ? "none while it is frozen" : table.building ? "being built"
      : `at ${count(table.due_at_samples)} samples`],
  ];
  if (last !== null) {
    facts.push(
      ["Newest version", `v${last.version} of ${plural(last.ids, "id")}, ${age(last.published ?? last.built, now)}, ` +
        `from ${count(last.built_samples)} samples`],
      ["It moved", `${plural(last.ids_moved, "id")} with ${percent(last.traffic.moved, 2)} of the traffic`],
      ["Since then", `${percent(table.new_id_traffic)} of the accesses were to ids it does not know`]);
  }
  if (table.build_seconds.count > 0) {
    const mean = ({ sum, count }) => duration(count > 0 ? sum / count : 0);
    facts.push(["A build takes", `${mean(table.build_seconds)}, publishing ${mean(table.publish_seconds)}; ` +
      `intake waits ${mean(table.copy_seconds)} for it`]);
  }
  return facts;
}

export class TableDetail {
  #traffic = new SharesBar("Traffic", TRAFFIC);
  #rows = new SharesBar("Rows", ROWS);
  #facts = h("dl", { class: "facts" });
  #gates = h("ul", { class: "gates" });
  #problem = h("p", { class: "bad", role: "status" });
  #empty = h("p", { class: "quiet" });
  #freeze;
  #frozen = false;
  #versions;
  #company;

  constructor(name) {
    this.#versions = new Versions(name);
    this.#company = new Company(name);
    this.#freeze = h("button", { type: "button", onclick: () => setFrozen(name, !this.#frozen) });
    this.element = h("div", { class: "panels" },
      h("section", { class: "panel", "aria-label": "State" },
        this.#problem, this.#empty,
        h("h4", {}, "Where the traffic falls"), this.#traffic.element,
        h("h4", {}, "How the rows are used"), this.#rows.element,
        h("h4", {}, "Gates of the last build"), this.#gates,
        h("h4", {}, "Figures"), this.#facts,
        h("div", { class: "buttons" },
          h("button", { type: "button", onclick: () => publishNow(name) }, "Publish now"), this.#freeze)),
      this.#company.element,
      this.#versions.element);
  }

  show(table, now) {
    const { last } = table;
    setText(this.#problem, table.problem ?? "");
    setText(this.#empty, last === null
      ? `No version yet: the first is due at ${plural(table.due_at_samples, "sample")}.` : "");
    this.#traffic.show(trafficOf(last));
    this.#rows.show({
      dedicated: last?.rows.dedicated ?? 0, shared: last?.rows.shared ?? 0, new_ids: last?.rows.new_ids ?? 0,
    }, count);
    list(this.#facts, factsOf(table, now), {
      key: ([name]) => name,
      make: ([name]) => h("div", {}, h("dt", {}, name), h("dd")),
      update: (element, [, value]) => setText(element.lastChild, value),
    });
    list(this.#gates, table.gates ?? [], {
      key: (gate) => gate.gate,
      make: () => h("li"),
      update: (element, gate) => {
        element.className = gate.passed ? "good" : "bad";
        setText(element, `${gate.passed ? "✓" : "✗"} ${gate.gate}: ${gate.finding}`);
      },
    });
    this.#frozen = table.frozen;
    setText(this.#freeze, table.frozen ? "Unfreeze" : "Freeze");
  }

  version(record) {
    this.#versions.add(record);
    this.#company.refresh();
  }

  refresh() {
    this.#versions.refresh();
    this.#company.refresh();
  }
}
