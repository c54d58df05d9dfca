// What every test of the pages stands on: a museau that serves, a browser, photos, and checks.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** Starts museau and waits until it says where it serves. */
export async function start(museau, args) {
  const child = spawn(museau, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, MUSEAU_LANG: "fr" },
  });
  const server = { child, said: "", address: null };
  server.ended = new Promise((done) => child.on("close", (code, signal) => done({ code, signal })));
  await new Promise((ready, fail) => {
    const late = setTimeout(() => fail(new Error(`museau does not say it serves:\n${server.said}`)), 120_000);
    const hear = (chunk) => {
      server.said += chunk;
      const found = server.said.match(/http:\/\/[\w.:[\]-]+:\d+/);
      if (!found) return;
      clearTimeout(late);
      server.address = found[0];
      ready();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", fail);
    server.ended.then(({ code }) => {
      clearTimeout(late);
      fail(new Error(`museau ended with ${code}:\n${server.said}`));
    });
  });
  return server;
}

/** Ends museau, and says how it ended. */
export async function end(server) {
  if (server.child.exitCode === null) server.child.kill("SIGTERM");
  return server.ended;
}

export class World {
  constructor({ executablePath, museau, root }) {
    Object.assign(this, { executablePath, museau, root });
    this.photos = join(root, "tests", "photos");
    this.folder = mkdtempSync(join(tmpdir(), "museau-browser-"));
  }

  async begin() {
    this.set = join(this.folder, "set");
    for (const [name, photo] of [
      ["n02088364-beagle", "beagle_14.jpg"],
      ["n02111889-Samoyed", "samoyed_32.jpg"],
      ["n02109525-Saint_Bernard", "saint_bernard_187.jpg"],
      ["n02112350-keeshond", "keeshond_173.jpg"],
    ]) {
      const folder = join(this.set, "test", name);
      mkdirSync(folder, { recursive: true });
      copyFileSync(join(this.photos, photo), join(folder, photo));
    }
    this.server = await start(this.museau, ["serve", "--listen", "127.0.0.1:0", "--demo", this.set]);
    const args = ["--no-sandbox", "--disable-dev-shm-usage"];
    this.browser = await chromium.launch({
      executablePath: this.executablePath,
      args,
      handleSIGINT: false, // run.mjs ends everything.
      handleSIGTERM: false,
    });
  }

  async end() {
    await this.browser?.close();
    if (this.server) await end(this.server);
    rmSync(this.folder, { recursive: true, force: true });
  }

  photo(name) {
    return join(this.photos, name);
  }

  /** Runs a test, then closes what it opened and checks that no page complained. */
  async run(test) {
    const opened = [];
    const complaints = [];
    const open = async (options = {}) => {
      const { expectFailures = false, ...rest } = options;
      const context = await this.browser.newContext({
        baseURL: this.server.address,
        locale: "fr-FR",
        viewport: { width: 1280, height: 900 },
        ...rest,
      });
      opened.push(context);
      context.setDefaultTimeout(60_000); // A busy machine is slow, not wrong.
      const page = await context.newPage();
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("console", (message) => {
        const refused = expectFailures && message.text().startsWith("Failed to load resource");
        if (["error", "warning"].includes(message.type()) && !refused) complaints.push(message.text());
      });
      page.on("request", (request) => {
        const url = request.url();
        if (!/^(data|blob):/.test(url) && !url.startsWith(this.server.address) && !rest.baseURL) {
          complaints.push(`something from elsewhere: ${url}`);
        }
      });
      return page;
    };
    try {
      await test({ world: this, open });
      assert.deepEqual(complaints, [], "the browser complained");
    } finally {
      for (const context of opened) await context.close();
    }
  }
}

/** Drops files on the page as a mouse would: {name, type, base64} each. */
export async function drop(page, files) {
  const transfer = await page.evaluateHandle((files) => {
    const transfer = new DataTransfer();
    for (const { name, type, base64 } of files) {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      transfer.items.add(new File([bytes], name, { type }));
    }
    return transfer;
  }, files);
  for (const event of ["dragenter", "dragover", "drop"]) {
    await page.dispatchEvent("#drop", event, { dataTransfer: transfer });
  }
}

export function file(path, name, type = "image/jpeg") {
  return { name, type, base64: readFileSync(path).toString("base64") };
}

/** Waits until the page shows that many answers and nothing is pending; returns their texts. */
export async function answers(page, count) {
  await page.waitForFunction(
    (count) =>
      document.querySelectorAll(".card").length === count &&
      document.querySelectorAll(".card.pending").length === 0,
    count,
  );
  return page.locator(".card").allInnerTexts();
}

/** No violation of WCAG 2.2 A and AA, nor of axe's good practice. */
export async function accessible(page, what) {
  // Through the debugger, since the page's own policy rightly refuses foreign code.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  const told = violations.map(
    ({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map((node) => node.html.slice(0, 200)).join("\n  ")}`,
  );
  assert.deepEqual(told, [], `axe, ${what}`);
}

/** Nothing makes the page wider than the screen. */
export async function fits(page, what) {
  const widths = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(widths[0] <= widths[1], `${what}: ${widths[0]} pixels on a screen of ${widths[1]}`);
}

/** Whether every target is at least 24 x 24 pixels, where it does not stand in a line of text. */
export async function targetsAreLarge(page, what) {
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("a, button, input, summary, label.button, [tabindex='0']")]
      .filter((element) => element.checkVisibility() && !element.closest("p, .skip"))
      .filter((element) => getComputedStyle(element).clipPath === "none")
      .map((element) => [element.outerHTML.slice(0, 90), element.getBoundingClientRect()])
      .filter(([, { width, height }]) => width < 24 || height < 24)
      .map(([html, { width, height }]) => `${width} x ${height}: ${html}`),
  );
  assert.deepEqual(small, [], what);
}

/** The width and height of a JPEG, read from its frame header. */
export function sizeOfJpeg(bytes) {
  assert.equal(bytes.readUInt16BE(0), 0xffd8, "a JPEG");
  for (let at = 2; at + 9 < bytes.length; ) {
    const marker = bytes[at + 1];
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return [bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)];
    }
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  throw new Error("no frame header");
}

/** Keeps the forms that the page's script sends, for `sent`. To be called before the page loads. */
export function keepForms(page) {
  return page.addInitScript(() => {
    const fetch = window.fetch;
    window.forms = [];
    window.fetch = (address, options) => {
      if (options?.body instanceof FormData) window.forms.push(options.body);
      return fetch(address, options);
    };
  });
}

/** The fields of the form that was sent as the `number`th (from 0): {name, filename, content}. */
export async function sent(page, number) {
  await page.waitForFunction((number) => window.forms.length > number, number);
  const fields = await page.evaluate(async (number) => {
    const read = (blob) =>
      new Promise((done) => {
        const reader = new FileReader();
        reader.onload = () => done(reader.result.split(",")[1] ?? "");
        reader.readAsDataURL(blob);
      });
    const entries = [...window.forms[number].entries()].map(async ([name, value]) =>
      typeof value === "string"
        ? { name, content: value }
        : { name, filename: value.name, base64: await read(value) },
    );
    return Promise.all(entries);
  }, number);
  return fields.map(({ base64, ...field }) =>
    base64 === undefined ? field : { ...field, content: Buffer.from(base64, "base64") },
  );
}

/** Puts pictures of a page into MUSEAU_SCREENSHOTS, where it is set. */
export async function picture(page, name, fullPage = true) {
  const folder = process.env.MUSEAU_SCREENSHOTS;
  if (!folder) return;
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage });
}
