// Numbers as people read them. A missing value is a dash.

const NONE = "–";
const NARROW = "\u202f";  // between a number and its unit

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

const missing = (value) => value === null || value === undefined || !Number.isFinite(value);

export function count(value) {
  return missing(value) ? NONE : whole.format(value);
}

// 1234567 as "1.23 M": for rates and axes.
export function short(value) {
  if (missing(value)) return NONE;
  const size = Math.abs(value);
  for (const [least, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= least) return digits(value / least) + NARROW + unit;
  }
  return size >= 10 || Number.isInteger(value) ? whole.format(value) : digits(value);
}

function digits(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

export function percent(share, places = 1) {
  return missing(share) ? NONE : (share * 100).toFixed(places) + NARROW + "%";
}

export function bytes(value) {
  if (missing(value)) return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    ++at;
  }
  return (at === 0 ? whole.format(value) : digits(value)) + NARROW + units[at];
}

export function duration(seconds) {
  if (missing(seconds)) return NONE;
  if (seconds < 1) return `${Math.round(seconds * 1000)}${NARROW}ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)}${NARROW}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${NARROW}min`;
  if (seconds < 48 * 3600) {
    const minutes = Math.floor((seconds % 3600) / 60);
    return `${Math.floor(seconds / 3600)}${NARROW}h` + (minutes ? ` ${minutes}${NARROW}min` : "");
  }
  return `${Math.floor(seconds / 86400)} days`;
}

// How long ago an ISO time was, by the daemon's clock `now` (milliseconds).
export function age(time, now) {
  if (!time) return NONE;
  const seconds = (now - Date.parse(time)) / 1000;
  return seconds < 2 ? "now" : `${duration(Math.round(seconds))} ago`;
}

export function clock(ms, withSeconds = false) {
  return new Date(ms).toLocaleTimeString([], {
    hour: "2-digit", minute: "2-digit", second: withSeconds ? "2-digit" : undefined,
  });
}

// The date only where it is not today.
export function dateTime(time) {
  if (!time) return NONE;
  const at = new Date(time);
  if (at.toDateString() === new Date().toDateString()) return clock(at, true);
  return at.toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
}

export function plural(number, one, many = one + "s") {
  return `${count(number)} ${number === 1 ? one : many}`;
}
