// Opens pages in a headless Chromium in every view and prints what was found as JSON, by page.
// node check.mjs CHROMIUM PROFILE PAGE...    PROFILE is an empty folder for the browser.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { HtmlValidate } from "html-validate";
import puppeteer from "puppeteer-core";

const [chromium, profile, ...pages] = process.argv.slice(2);
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const validator = new HtmlValidate({
  extends: ["html-validate:recommended"],
  rules: {
    "long-title": "off", // titles have the names of folders
    "no-trailing-whitespace": "off",
    "void-style": "off", // shapes of SVG close themselves
    "prefer-native-element": "off", // a region that scrolls is no section of the document
  },
});
const VIEWS = [1280, 375].flatMap((width) => ["light", "dark"].map((scheme) => ({ width, scheme })));
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
const browser = await puppeteer.launch({ executablePath: chromium, headless: true, userDataDir: profile, args: FLAGS });

/** A new tab with the page open, and lists of its requests and of what it complained about. */
async function opened(path, { width = 1280, scheme = "light", script = true } = {}) {
  const tab = await browser.newPage();
  const requests = [];
  const errors = [];
  tab.on("request", (request) => requests.push(request.url()));
  tab.on("console", (message) => errors.push(message.text()));
  tab.on("pageerror", (error) => errors.push(String(error)));
  tab.on("dialog", async (dialog) => { errors.push(`dialog ${dialog.message()}`); await dialog.dismiss(); });
  await tab.setViewport({ width, height: 900, isMobile: width < 500, hasTouch: width < 500 });
  await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await tab.setJavaScriptEnabled(script);
  await tab.goto(pathToFileURL(path).href, { waitUntil: "load" });
  return { tab, requests: () => requests.filter((url) => !/^(file|data):/.test(url)), errors };
}

/** One view: overflow in px, violations, requests and errors; everything folded is opened first. */
async function seen(path, view) {
  const { tab, requests, errors } = await opened(path, view);
  await tab.evaluate(() => { for (const part of document.querySelectorAll("details")) part.open = true; });
  const overflow = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  // axe comes through the protocol of the debugger, which the page's policy does not forbid
  await tab.evaluate(axe);
  const { violations } = await tab.evaluate(() => window.axe.run());
  await tab.close();
  const said = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
  return { ...view, overflow, violations: said, requests: requests(), errors };
}

/** Without JavaScript: the sections, what of them is empty, folded content in print, and whether a PDF comes out. */
async function plain(path) {
  const { tab, requests, errors } = await opened(path, { script: false });
  const sections = await tab.$$eval("section", (all) => all.map((one) => [one.id, one.innerText.trim().length]));
  const buttons = await tab.$$eval("button", (all) => all.filter((one) => one.offsetHeight > 0).length);
  await tab.emulateMediaType("print");
  const folded = await tab.$$eval("details > :not(summary)", (all) => all.map((one) => one.getBoundingClientRect().height));
  const pdf = await tab.pdf({ format: "A4" });
  await tab.close();
  const head = Buffer.from(pdf.subarray(0, 5)).toString();
  return { sections, buttons, folded, pdf: [head, pdf.length], requests: requests(), errors };
}

/** The slider at its middle: where the picture and the dot are then, and what is said; null without a slider. */
async function turned(path) {
  const { tab } = await opened(path);
  const found = await tab.evaluate(() => {
    const slider = document.querySelector(".turner input");
    if (!slider) return null;
    slider.value = Math.floor(slider.max / 2);
    slider.dispatchEvent(new Event("input"));
    const dot = document.querySelector(".dot-before");
    return {
      picture: document.querySelector(".picture").style.transform,
      dot: [Number(dot.getAttribute("cx")), Number(dot.getAttribute("cy"))],
      said: document.querySelector(".turner output").textContent,
    };
  });
  await tab.close();
  return found;
}

const found = {};
for (const path of pages) {
  const report = await validator.validateString(await readFile(path, "utf8"));
  const html = report.results.flatMap((one) => one.messages.map((item) => `${item.line}: ${item.ruleId}: ${item.message}`));
  const views = [];
  for (const view of VIEWS) views.push(await seen(path, view));
  found[path] = { html, views, plain: await plain(path), turned: await turned(path) };
}
await browser.close();
console.log(JSON.stringify(found));
