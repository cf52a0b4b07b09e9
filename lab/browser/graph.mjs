// Uses the page of `kubectl crossaccount graph -o html` as a person does, and prints what it saw as JSON:
// node graph.mjs PAGE FROM TO SCREENSHOTS
import { join } from "node:path";
import { open, withBrowser } from "./browser.mjs";

const [file, from, to, shots] = process.argv.slice(2);

const seen = await withBrowser(async (browser) => {
  const { page, faults } = await open(browser, file, { viewport: { width: 1280, height: 720 }, colorScheme: "light" });
  const said = () => page.textContent("#said");
  const listed = () => page.locator("#list button").allInnerTexts();
  const all = { said: await said(), listed: await listed() };

  await page.keyboard.press("/");
  await page.keyboard.type("getobject");
  const searched = { said: await said(), listed: await listed() };
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  const chosen = await page.locator("#details").innerText();
  await page.keyboard.press("Escape");
  const escaped = await said();

  const namespaces = await page.locator("#namespace option").evaluateAll((options) => options.map(({ value }) => value));
  await page.selectOption("#namespace", namespaces.at(-1));
  const filtered = await listed();
  await page.selectOption("#namespace", "");

  await page.fill("#from", to);
  await page.fill("#to", from);
  await page.click("#path button");
  const backwards = await said();
  await page.fill("#from", from);
  await page.fill("#to", to);
  await page.click("#path button");
  const path = { said: await said(), steps: await page.locator("#details li").allInnerTexts() };
  await page.screenshot({ path: join(shots, "graph.png") });

  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await back();
  await page.click("#theme");
  const dark = await back();
  await page.screenshot({ path: join(shots, "graph-dark.png") });
  await page.setViewportSize({ width: 390, height: 780 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  await page.screenshot({ path: join(shots, "graph-small.png") });

  const link = await open(browser, `${file}#from=${from}&to=${to}`, {});
  const linked = { said: await link.page.textContent("#said"), steps: await link.page.locator("#details li").allInnerTexts() };
  faults.push(...link.faults);
  return { all, searched, chosen, escaped, namespaces, filtered, backwards, path, linked, light, dark, wide, faults };
});
console.log(JSON.stringify(seen));
