// Pictures of the page for the documentation: node pictures.mjs URL TABLE FOLDER (scripts/page-pictures).
import { launch } from "./browser.mjs";

const [url, table, folder] = process.argv.slice(2);
const browser = await launch();
// A little more than a screen each: what a person sees first, and the open table.
for (const { name, width, height, colorScheme, hash } of [
  { name: "page-light", width: 1280, height: 1180, colorScheme: "light", hash: `#table=${table}` },
  { name: "page-dark", width: 1280, height: 1180, colorScheme: "dark", hash: `#table=${table}` },
  { name: "page-phone", width: 390, height: 1180, colorScheme: "light", hash: "" },
]) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  const page = await context.newPage();
  await page.goto(url + hash);
  // Charts need some history, and a table its versions.
  await page.locator(".outcome, .chart .line").first().waitFor({ timeout: 120_000 });
  await page.waitForTimeout(name === "page-light" ? 35_000 : 4_000);
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: `${folder}/${name}.png` });
  await context.close();
}
await browser.close();
