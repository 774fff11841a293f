// One sentence that says how things are: what is wrong comes before what is going on, and each
// problem says what to do where the daemon knows.
import { setAttribute, setText } from "./dom.js";
import { clock, count, duration, plural } from "./format.js";

const PHASES = {
  starting: "Starting: taking its tables over.",
  restoring: "Starting: reading the last checkpoint.",
  stopping: "Stopping: finishing what is in flight.",
  stopped: "Stopped.",
};
// Behind by less is just what is on its way.
const BEHIND_SECONDS = 5;

export function headline(status, lag, rates) {
  if (status.phase === "failed") return ["bad", `Ended by an error: ${status.problem}`];
  if (status.problem) return ["bad", `No events are read: ${status.problem}`];
  if (PHASES[status.phase]) return ["busy", PHASES[status.phase]];
  const troubled = status.tables.filter((table) => table.problem);
  if (troubled.length > 0) {
    const rest = troubled.length > 1 ? ` (and ${plural(troubled.length - 1, "more table")})` : "";
    return ["bad", `Table ${troubled[0].name}: ${troubled[0].problem}${rest}`];
  }
  if (status.checkpoint.problem) {
    return ["bad", `Checkpoints cannot be saved: ${status.checkpoint.problem}`];
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
