// A browser for the tests of pages.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const folder = dirname(fileURLToPath(import.meta.url));

// Without the flags on background work the browser asks its maker's servers for updates, again and again.
const flags = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-zygote", "--disable-dev-shm-usage",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
];

/** Runs `work` with a browser, which ends with it. */
export async function withBrowser(work) {
  const home = mkdtempSync(join(tmpdir(), "browser-"));
  const browser = await chromium.launch({
    executablePath: join(folder, "chromium"),
    args: flags,
    env: { ...process.env, HOME: home, LD_LIBRARY_PATH: join(folder, "al2023/lib") },
  });
  try {
    return await work(browser);
  } finally {
    await browser.close();
    rmSync(home, { recursive: true, force: true });
  }
}

/** A page that notes what goes wrong in it, and every request that leaves the file. */
export async function open(browser, file, options) {
  const page = await browser.newPage(options);
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("request", (request) => request.url().startsWith("file:") || faults.push(`request to ${request.url()}`));
  await page.goto(`file://${file}`);
  return { page, faults };
}
