// One sentence that says how things are: what is wrong comes before what is going on, and each
// problem says what to do where the daemon knows.
import { setAttribute, setText } from "./dom.js";
import { clock, count, duration, plural } from "./format.js";

const PHASES = {
  starting: "Starting: looking at its tables.",
  restoring: "Starting: reading the last checkpoint and taking its tables over.",
  stopping: "Stopping: finishing what is in flight.",
  stopped: "Stopped.",
};
// Behind by less is just what is on its way.
const BEHIND_SECONDS = 5;

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export function headline(status, lag, rates) {
  if (status.phase === "failed") return ["bad", `Ended by an error: ${status.problem}`];
  if (status.problem) return ["bad", `No events are read: ${status.problem}`];
  if (PHASES[status.phase]) return ["busy", PHASES[status.phase]];
  const [worst, ...others] = status.problems;
  if (worst) {
    const rest = others.length > 0 ? ` (and ${plural(others.length, "more problem")}: /status)` : "";
    const advice = worst.advice ? ` To do: ${worst.advice}.` : "";
    return ["bad", `${capital(worst.where)}: ${worst.what}.${advice}${rest}`];
  }
  const frozen = status.tables.filter((table) => table.frozen).map((table) => table.name);
  const aside = frozen.length > 0 ? ` Frozen: ${frozen.join(", ")}.` : "";
  if (status.phase === "ended") {
    return [aside ? "busy" : "good", `The log has been read to its end: ${count(status.stream.samples)} samples.${aside}`];
  }
  const rate = rates.of("samples");
  if (lag !== null && rate > 0 && lag / rate > BEHIND_SECONDS) {
    return ["busy", `Catching up: ${count(lag)} messages behind, ${duration(lag / rate)} at the present rate.${aside}`];
  }
  const { waiting_samples: few, mini_batch: batch } = status.stream;
  if (few > 0 && status.stream.ids === 0) {
    return ["busy", `Running. ${plural(few, "sample waits", "samples wait")}: they are learned ${batch} at a time, ${batch - few} more are needed.${aside}`];
  }
  const waiting = status.tables.filter((table) => table.last === null);
  if (waiting.length > 0) {
    const missing = Math.min(...waiting.map((table) => table.due_at_samples)) - status.stream.samples;
    const when = rate > 0 && missing > 0 ? `, in about ${duration(missing / rate)}` : "";
    return ["busy", `Running. First versions are made after ${plural(Math.max(missing, 0), "more sample")}${when}.${aside}`];
  }
  const follow = plural(status.tables.length, "table follows", "tables follow");
  return [aside ? "busy" : "good", `Running: ${follow} the stream.${aside}`];
}

export function showHeadline(element, [kind, text], lostSince) {
  if (lostSince !== null) {
    [kind, text] = ["bad", `Connection lost at ${clock(lostSince, true)}: trying again. What is shown is from then.`];
  }
  setAttribute(element, "data-kind", kind);
  setText(element, text);
  document.title = kind === "bad" ? "⚠ remapd" : "remapd";
}
