// A remapd of its own on a log of its own, in a temporary folder.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const TOKEN = "a-token-for-the-tests";
// More than the page lists without a filter.
export const FEATURES = ["item", "user", "genre", "city", "device", "hour", "shop", "brand", "<b>odd</b> name"];

// Items item-0 .. item-299, hashed to ids of twenty digits, of which the first ten are in every other
// sample; labels follow the item.
function writeLog(path) {
  let random = 12345;
  const below = (bound) => {
    random = (Math.imul(random, 1103515245) + 12345) & 0x7fffffff;
    return random % bound;
  };
  const lines = [];
  for (let i = 0; i < 6000; ++i) {
    const item = i % 2 ? below(10) : below(300);
    const sample = { t: 1_690_000_000_000 + i, label: item % 3 === 0 ? 1 : 0, f: {} };
    for (const feature of FEATURES) sample.f[feature] = [feature === "item" ? `item-${item}` : below(50)];
    lines.push(JSON.stringify(sample));
  }
  lines.splice(100, 0, "not an event");
  writeFileSync(path, lines.join("\n") + "\n");
}

export class Daemon {
  static async start() {
    const daemon = new Daemon();
    daemon.folder = mkdtempSync(join(tmpdir(), "remapd-web-"));
    writeLog(join(daemon.folder, "events.ndjson"));
    writeFileSync(join(daemon.folder, "token"), TOKEN + "\n", { mode: 0o600 });
    const tables = FEATURES.map((name) => `[[table]]\nname = ${JSON.stringify(name)}\nrows = 40\n` +
      `max_tracked_ids = 1000\n[[feature]]\nname = ${JSON.stringify(name)}\n`);
    writeFileSync(join(daemon.folder, "remapd.toml"), `
[instance]
name = "tested"
[source.file]
path = "events.ndjson"
at_end = "wait"
[publish]
first_samples = 1000
every_samples = 1000
[admin]
token_file = "token"
${tables.join("")}`);
    await daemon.run(0);
    return daemon;
  }

  // Until it has read its log.
  async run(port) {
    this.process = spawn(process.env.REMAPD,
      ["run", "--config", "remapd.toml", "--set", `admin.listen=127.0.0.1:${port}`],
      { cwd: this.folder, stdio: ["ignore", "ignore", "pipe"] });
    this.log = "";
    this.port = await new Promise((resolve, reject) => {
      this.process.stderr.on("data", (text) => {
        this.log += text;
        const found = /admin server listen=\S+ port=(\d+)/.exec(this.log);
        if (found) resolve(Number(found[1]));
      });
      this.process.on("exit", (code) => reject(new Error(`remapd ended with ${code}: ${this.log}`)));
    });
    this.url = `http://127.0.0.1:${this.port}/`;
    while ((await this.get("status")).phase !== "ended") {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async get(path) {
    return (await fetch(this.url + path)).json();
  }

  async stop(signal = "SIGTERM") {
    const ended = new Promise((resolve) => this.process.on("exit", resolve));
    this.process.kill(signal);
    await ended;
  }

  async end() {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
