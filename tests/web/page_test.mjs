// The page as a person uses it: headless Chromium against a running remapd.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { launch } from "./browser.mjs";
import { Daemon, FEATURES, TOKEN } from "./daemon.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let daemon;
let browser;

before(async () => {
  daemon = await Daemon.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await daemon?.end();
});

// Opens the page and hands it to `use`; whatever the browser complains of fails the test, and so does
// a request to anywhere else.
async function onPage(use, { hash = "", complaints = true, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const told = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && told.push(message.text()));
  page.on("pageerror", (error) => told.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(daemon.url)) told.push(`asked for ${request.url()}`);
  });
  try {
    await page.goto(daemon.url + hash);
    await page.locator("#state[data-kind]").waitFor();
    await use(page);
    if (complaints) assert.deepEqual(told, []);
  } finally {
    await context.close();
  }
}

const head = (page, table) => page.getByRole("button", { name: new RegExp(`^${table} `) });
const number = (value) => value.toLocaleString("en-US");

test("shows what /status says", () => onPage(async (page) => {
  const status = await daemon.get("status");
  assert.match(await page.locator("#state").textContent(), /read to its end: 6,000 samples/);
  const tiles = await page.locator("#tiles").innerText();
  assert.ok(tiles.includes(`${number(status.stream.samples)} in all`), tiles);
  assert.ok(tiles.includes("dead letters"), tiles);
  assert.match(await page.locator(".tile", { hasText: "Not readable" }).locator(".value").textContent(), /^1$/);
  const item = status.tables.find((table) => table.name === "item");
  const line = await head(page, "item").innerText();
  assert.ok(line.includes(`v${item.last.version}`), line);
  assert.ok(line.includes(`${number(Math.round(item.distinct_ids))} ids`), line);
  await head(page, "item").click();
  const facts = await page.locator(".facts").first().innerText();
  assert.ok(facts.includes(number(item.tracked_ids)) && facts.includes(number(item.accesses)), facts);
  const rows = page.getByRole("img", { name: /^Rows:/ });
  assert.ok((await rows.getAttribute("aria-label")).includes(`of one id ${item.last.rows.dedicated},`));
}));

test("writes names as text, whatever is in them", () => onPage(async (page) => {
  assert.equal(await page.locator("#table-list .name", { hasText: "<b>odd</b> name" }).count(), 1);
}));

test("finds tables", () => onPage(async (page) => {
  assert.equal(await page.locator(".table-card").count(), FEATURES.length);
  await page.getByLabel("Filter").fill("ITE");
  await page.waitForFunction(() => document.querySelectorAll(".table-card").length === 1);
  await page.getByLabel("Filter").fill("");
  await page.waitForFunction((all) => document.querySelectorAll(".table-card").length === all, FEATURES.length);
}));

test("shows ids and the company they keep", () => onPage(async (page) => {
  const { ids } = await daemon.get("v1/tables/item/heaviest?count=1&role=shared");
  const found = await daemon.get(`v1/tables/item/lookup?id=${ids[0].id}&count=50`);
  await page.getByRole("button", { name: ids[0].id, exact: true }).first().click();
  const report = page.locator(".report");
  await report.getByText(`row ${found.row} in version ${found.version}`).waitFor();
  const mates = await report.locator(".mates .id").allTextContents();
  const expected = found.row_mates.map((mate) => mate.id).filter((id) => id !== ids[0].id);
  assert.deepEqual(mates, expected.slice(0, mates.length));
  assert.ok(mates.length > 0);
  await page.getByLabel("Look up an id").fill("no-such-item");
  await page.keyboard.press("Enter");
  await report.getByText("not among the tracked ids").waitFor();
}, { hash: "#table=item" }));

test("lists versions and why one was refused or not", () => onPage(async (page) => {
  const { versions } = await daemon.get("v1/tables/item/versions");
  const list = page.getByRole("region", { name: "List of versions" });
  await list.getByRole("rowheader", { name: `v${versions[0].version}`, exact: true }).waitFor();
  assert.equal(await list.locator("tbody tr").count(), Math.min(versions.length, 12));
  assert.match(await page.locator(".gates").innerText(), /✓ self_check/);
}, { hash: "#table=item" }));

test("publishes on confirmation, with the right token only, and shows it without a reload", () => onPage(async (page) => {
  const before = (await daemon.get("v1/tables/item")).version;
  await page.getByRole("button", { name: "Publish now" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/^Token/).fill("a-wrong-token-entirely");
  await dialog.getByRole("button", { name: "Publish" }).click();
  await dialog.getByText("the token is missing or wrong").waitFor();
  assert.equal((await daemon.get("v1/tables/item")).version, before);
  await dialog.getByLabel(/^Token/).fill(TOKEN);
  await dialog.getByRole("button", { name: "Publish" }).click();
  await dialog.getByText(`Version ${before + 1} is published.`).waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByRole("rowheader", { name: `v${before + 1}`, exact: true }).waitFor();
  await page.waitForFunction((version) =>
    [...document.querySelectorAll(".table-head")].some((line) => line.textContent.startsWith(`item v${version},`)), before + 1);
  // The 401 is an error the browser reports by itself.
}, { hash: "#table=item", complaints: false }));

test("freezes, rolls back and unfreezes", () => onPage(async (page) => {
  const act = async (button, confirm, said) => {
    await page.getByRole("button", { name: button }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel(/^Token/).fill(TOKEN);
    await dialog.getByRole("button", { name: confirm }).click();
    await dialog.getByText(said).waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
  };
  await act("Freeze", "Freeze", "The table is frozen.");
  await page.getByText("Frozen: user.").waitFor();
  assert.equal((await daemon.get("v1/tables/user")).frozen, true);
  await act("Roll back to version 1", "Roll back", /with what version 1 says/);
  await page.getByText("(back to 1)").first().waitFor();
  await act("Unfreeze", "Unfreeze", "follows the stream again");
  assert.equal((await daemon.get("v1/tables/user")).frozen, false);
}, { hash: "#table=user" }));

test("can be used by keyboard alone", () => onPage(async (page) => {
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the tables");
  await page.keyboard.press("Enter");
  for (let i = 0; i < 3; ++i) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.classList.contains("table-head"))) break;
  }
  await page.keyboard.press("Enter");
  assert.equal(await head(page, "item").getAttribute("aria-expanded"), "true");
  await page.getByRole("button", { name: "Freeze" }).focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.getByRole("dialog").count(), 1);
  await page.keyboard.press("Escape");
  assert.equal(await page.getByRole("dialog").count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Freeze");
}));

test("is light or dark, as the system or as chosen", async () => {
  const back = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  let light;
  await onPage(async (page) => { light = await back(page); }, { colorScheme: "light" });
  await onPage(async (page) => {
    assert.notEqual(await back(page), light);
    await page.getByRole("button", { name: /^Colours/ }).click();
    assert.equal(await back(page), light);
    await page.reload();
    assert.equal(await back(page), light);
  }, { colorScheme: "dark" });
});

test("fits a phone", () => onPage(async (page) => {
  await page.locator(".figures.ids").first().waitFor();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 360, `${wide} pixels wide`);
}, { hash: "#table=item", viewport: { width: 360, height: 780 } }));

for (const colorScheme of ["light", "dark"]) {
  test(`can be read by everyone, ${colorScheme}`, () => onPage(async (page) => {
    await page.locator(".figures.ids").first().waitFor();
    await page.getByRole("button", { name: "Freeze" }).click();
    for (const part of ["dialog", "body"]) {
      await page.evaluate(axe);
      const { violations } = await page.evaluate((within) => window.axe.run(within), part);
      assert.deepEqual(violations.map((found) => `${found.id}: ${found.nodes.map((node) => node.html).join(" ")}`), []);
      await page.keyboard.press("Escape");
    }
  }, { hash: "#table=item", colorScheme, bypassCSP: true }));
}

test("says so when the daemon is gone, and finds it again", () => onPage(async (page) => {
  await daemon.stop("SIGKILL");
  await page.getByText("Connection lost").waitFor();
  await daemon.run(daemon.port);
  await page.getByText("read to its end").waitFor();
  assert.equal(await page.getByText("Connection lost").count(), 0);
}, { complaints: false }));
