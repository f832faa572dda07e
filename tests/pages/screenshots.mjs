// Makes the pictures of report.html in docs/: node screenshots.mjs CHROMIUM PAGE FOLDER, PAGE being that of `symaudit demo`.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const [chromium, page, folder] = process.argv.slice(2);
const PICTURES = [
  { name: "report-desktop.png", width: 1180, height: 1010, scheme: "light", section: "verdict" },
  { name: "report-phone.png", width: 375, height: 900, scheme: "light", section: "idea" },
  { name: "report-dark.png", width: 1180, height: 800, scheme: "dark", section: "idea" },
];
const browser = await puppeteer.launch({ executablePath: chromium, headless: true, args: ["--no-sandbox", "--disable-gpu"] });
for (const { name, width, height, scheme, section } of PICTURES) {
  const tab = await browser.newPage();
  await tab.setViewport({ width, height, isMobile: width < 500 });
  await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await tab.goto(pathToFileURL(page).href);
  if (section !== "verdict") {
    await tab.evaluate((id) => scrollTo({ top: document.getElementById(id).offsetTop, behavior: "instant" }), section);
  }
  await tab.screenshot({ path: join(folder, name) });
  await tab.close();
}
await browser.close();
