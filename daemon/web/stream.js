// Follows /v1/events. EventSource connects again by itself after a lost connection, but neither
// after an answer such as 503 nor when a connection hangs: the status of every second is the
// heartbeat, and silence means connecting anew.

const SILENCE_MS = 5000;
const RETRY_MS = 2000;

// on.status(status), on.version(record), on.connection(null | since when it is lost, ms).
export function follow(on) {
  let source = null;
  let heard = Date.now();
  let lost = false;

  function connect() {
    source?.close();
    source = new EventSource("v1/events");
    source.addEventListener("status", (event) => {
      heard = Date.now();
      if (lost) on.connection(null);
      lost = false;
      on.status(JSON.parse(event.data));
    });
    source.addEventListener("version", (event) => on.version(JSON.parse(event.data)));
  }

  setInterval(() => {
    const silent = Date.now() - heard;
    if (silent < SILENCE_MS && source.readyState !== EventSource.CLOSED) return;
    if (silent >= SILENCE_MS) {
      lost = true;
      on.connection(heard);
    }
    connect();
  }, RETRY_MS);
  connect();
}
