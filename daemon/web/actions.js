// What an operator can make the daemon do, each behind a question that says what will happen.
import { post, tablePath } from "./api.js";
import { confirmAction } from "./dialogs.js";
import { h } from "./dom.js";

export function publishNow(table) {
  confirmAction({
    title: `Publish ${table} now?`,
    text: "A version is built from what is known now and published, if it passes its gates, whatever the schedule says.",
    button: "Publish",
    act: async () => {
      const { version } = await post(tablePath(table, "publish"));
      return `Version ${version} is published.`;
    },
  });
}

export function setFrozen(table, frozen) {
  confirmAction({
    title: frozen ? `Freeze ${table}?` : `Unfreeze ${table}?`,
    text: frozen
      ? "No version is built until it is unfrozen, also after a restart. Events are still learned from."
      : "Versions are built again as the schedule says.",
    button: frozen ? "Freeze" : "Unfreeze",
    act: async () => {
      await post(tablePath(table, frozen ? "freeze" : "unfreeze"));
      return frozen ? "The table is frozen." : "The table follows the stream again.";
    },
  });
}

export function rollBack(table, version) {
  confirmAction({
    title: `Roll ${table} back to version ${version}?`,
    text: `What version ${version} says is published again under a new number, with a migration plan, and the table is frozen: its next version would undo it.`,
    button: "Roll back",
    danger: true,
    act: async () => {
      const done = await post(tablePath(table, "rollback"), { version });
      return `Version ${done.version} is published with what version ${version} says; the table is frozen.`;
    },
  });
}

export function setLogLevel() {
  const select = h("select", {}, ...["debug", "info", "warning", "error"].map((level) =>
    h("option", { value: level, selected: level === "info" }, level)));
  confirmAction({
    title: "Log level",
    text: "Holds until the configuration is read again.",
    button: "Set",
    fields: [h("label", {}, "Least important line that is written", select)],
    act: async () => {
      const { level } = await post("v1/log-level", { level: select.value });
      return `Lines from ${level} on are written.`;
    },
  });
}
