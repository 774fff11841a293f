// The daemon's HTTP interface. Paths are relative, so that a proxy may put the page under a prefix.
//
// Looking needs no token here: where the daemon wants one for it, the browser has asked for it
// already (Basic authentication). Actions do; it is kept for this tab alone.

const KEY = "remapd.token";

export class ApiError extends Error {
  constructor(status, message, hint) {
    super(hint ? `${message}: ${hint}` : message);
    this.status = status;
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, cache: "no-store" });
  } catch {
    throw new ApiError(0, "the daemon cannot be reached");
  }
  const text = await response.text();
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    // Not the daemon's: a proxy's, or cut off. The status says enough.
  }
  if (response.ok && body !== null) return body;
  throw new ApiError(response.status, body?.error ?? `answered ${response.status}`, body?.hint);
}

export function get(path) {
  return ask(path);
}

export function post(path, body) {
  return ask(path, {
    method: "POST",
    headers: { "Authorization": `Bearer ${token.get()}`, "Content-Type": "application/json" },
    body: body === undefined ? "" : JSON.stringify(body),
  });
}

export function tablePath(table, rest) {
  return `v1/tables/${encodeURIComponent(table)}/${rest}`;
}
