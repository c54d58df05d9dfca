// The tests, page by page; each opens what it needs and leaves nothing behind.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  World,
  accessible,
  answers,
  drop,
  end,
  file,
  fits,
  keepForms,
  picture,
  sent,
  sizeOfJpeg,
  start,
  targetsAreLarge,
} from "./world.mjs";

export async function prepare(found) {
  const world = new World(found);
  await world.begin();
  return world;
}

export const tests = [];
const test = (name, run) => tests.push({ name, test: run });

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

// ---- the association's page -------------------------------------------------------------------

test("a photo dropped on the page is answered with its breed", async ({ world, open }) => {
  const page = await open();
  await page.goto("/");
  await drop(page, [file(world.photo("beagle_14.jpg"), "rex.jpg")]);
  const [card] = await answers(page, 1);
  assert.match(card, /Ressemble à\s+Beagle/);
  assert.match(card, /probable|peut-être/);
  assert.match(card, /\d\s%/);
  assert.match(card, /Autres possibilités/);
  assert.equal(await page.locator(".card .next tr").count(), 4, "the next four");
  assert.match(await page.locator("#status").innerText(), /Beagle/, "it is also read out");
});

test("several photos are chosen, answered each, and cleared", async ({ world, open }) => {
  const page = await open();
  await page.goto("/");
  const names = ["samoyed_32.jpg", "saint_bernard_187.jpg", "birman_108.jpg"];
  await page.setInputFiles("#photos", names.map((name) => world.photo(name)));
  const cards = await answers(page, 3);
  assert.match(cards[0], /Samoyède/);
  assert.match(cards[1], /Saint-Bernard/i);
  assert.match(cards[2], /Pas de chien/);
  await page.click(".card:first-child [data-do=remove]");
  assert.equal(await page.locator(".card").count(), 2);
  await page.click("#start-again");
  assert.equal(await page.locator(".card").count(), 0);
  assert.ok(await page.locator("#results").isHidden());
});

test("photos of the same dog are answered together", async ({ world, open }) => {
  const page = await open();
  await keepForms(page);
  await page.goto("/");
  const names = ["beagle_14.jpg", "samoyed_32.jpg"];
  await page.setInputFiles("#photos", names.map((name) => world.photo(name)));
  await answers(page, 2);
  await page.check("#together");
  const form = await sent(page, 2);
  assert.equal(form.filter(({ name }) => name === "photo").length, 2);
  assert.ok(form.some(({ name }) => name === "together"));
  const [card] = await answers(page, 1);
  assert.match(card, /2 photos du même chien/);
  await page.uncheck("#together");
  await answers(page, 2);
});

const NO_PHOTO = { name: "broken.jpg", type: "image/jpeg", base64: btoa("Ceci n'est pas une photo.") };

test("pointing at a photo of the same dog asks for one answer again", async ({ world, open }) => {
  const page = await open();
  await keepForms(page);
  await page.goto("/");
  await page.check("#together");
  const dogs = ["beagle_14.jpg", "samoyed_32.jpg"].map((name) => file(world.photo(name), name));
  await drop(page, [...dogs, NO_PHOTO]);
  assert.match((await answers(page, 2))[1], /broken\.jpg/);
  await page.locator("[data-do=point]").first().click();
  await page.click("button[value=part]");
  const form = await sent(page, 1);
  assert.equal(form.filter(({ name }) => name === "photo").length, 3);
  const cards = await answers(page, 2);
  assert.match(cards[0], /2 photos du même chien/);
  assert.match(cards[1], /broken\.jpg/);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.do), "point");
});

test("the photo that is removed is the one that the button names", async ({ world, open }) => {
  const page = await open({ expectFailures: true });
  await page.goto("/");
  await page.check("#together");
  const dogs = ["beagle_14.jpg", "samoyed_32.jpg"].map((name) => file(world.photo(name), name));
  const base64 = Buffer.alloc(25_000_001).toString("base64");
  await drop(page, [...dogs, { name: "third.heic", type: "image/heic", base64 }]);
  assert.match((await answers(page, 2))[1], /third\.heic/);
  await page.getByRole("button", { name: "Retirer third.heic" }).click();
  const [card] = await answers(page, 1);
  assert.match(card, /2 photos du même chien/);
  assert.match(card, /beagle_14\.jpg/);
  // A request that failed for no one photo offers to remove none.
  await page.click("#start-again");
  await drop(page, Array(21).fill(NO_PHOTO));
  assert.match((await answers(page, 1))[0], /Trop de photos/);
  assert.equal(await page.locator(".card button").count(), 0);
});

test("a photo is pasted", async ({ world, open }) => {
  const page = await open();
  await page.goto("/");
  const base64 = readFileSync(world.photo("keeshond_173.jpg")).toString("base64");
  await page.evaluate((base64) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([bytes], "image.png", { type: "image/jpeg" }));
    window.dispatchEvent(new ClipboardEvent("paste", { clipboardData, cancelable: true }));
  }, base64);
  const [card] = await answers(page, 1);
  assert.match(card, /Spitz|Keeshond/i);
});

test("a photo of 12 megapixels is shrunk before it is sent, and stands upright", async ({ open }) => {
  const page = await open();
  await keepForms(page);
  await page.goto("/");
  await page.evaluate(async () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [4000, 3000];
    const context = canvas.getContext("2d");
    context.fillStyle = "#b98";
    context.fillRect(0, 0, 4000, 3000);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
    const plain = new Uint8Array(await blob.arrayBuffer());
    // An Exif block that says 'turn by 90 degrees' (orientation 6), after the start of the image.
    const exif = new Uint8Array([
      0xff, 0xe1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0, 0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12,
      0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0,
    ]);
    const turned = new File([plain.slice(0, 2), exif, plain.slice(2)], "grande.jpg", {
      type: "image/jpeg",
    });
    const transfer = new DataTransfer();
    transfer.items.add(turned);
    const input = document.querySelector("#photos");
    input.files = transfer.files;
    input.dispatchEvent(new Event("change"));
  });
  const photo = (await sent(page, 0)).find(({ name }) => name === "photo");
  assert.deepEqual(sizeOfJpeg(photo.content), [1200, 1600]);
  assert.equal(photo.filename, "grande.jpg");
  await answers(page, 1);
});

test("a HEIC is sent as it is", async ({ open }) => {
  const page = await open({ expectFailures: true });
  await keepForms(page);
  await page.goto("/");
  const bytes = Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic".padEnd(4000, "\0"), "latin1");
  await drop(page, [{ name: "IMG_1.HEIC", type: "image/heic", base64: bytes.toString("base64") }]);
  const photo = (await sent(page, 0)).find(({ name }) => name === "photo");
  assert.deepEqual(photo.content, bytes);
  await answers(page, 1); // This one is no real HEIC: what matters is that it came through.
});

test("one dog is pointed at with the mouse, and the box is sent", async ({ world, open }) => {
  const page = await open();
  await keepForms(page);
  await page.goto("/");
  await page.setInputFiles("#photos", world.photo("saint_bernard_187.jpg"));
  await answers(page, 1);
  await page.click("[data-do=point]");
  const area = await page.locator(".stage").boundingBox();
  await page.mouse.move(area.x + area.width * 0.25, area.y + area.height * 0.1);
  await page.mouse.down();
  await page.mouse.move(area.x + area.width * 0.75, area.y + area.height * 0.6, { steps: 5 });
  await page.mouse.up();
  await page.click("button[value=part]");
  const box = (await sent(page, 1)).find(({ name }) => name === "box").content;
  const expected = [0.25, 0.1, 0.5, 0.5];
  box.split(",").forEach((part, index) => assert.ok(Math.abs(part - expected[index]) < 0.02, box));
  const [card] = await answers(page, 1);
  assert.match(card, /Zone encadrée/);
});

test("what an answer rests on is shown over its photo, and taken away", async ({ world, open }) => {
  const page = await open();
  await page.goto("/");
  await page.setInputFiles("#photos", ["beagle_14.jpg", "birman_108.jpg"].map((name) => world.photo(name)));
  await answers(page, 2);
  assert.equal(await page.locator("[data-do=explain]").count(), 1, "a cat is not explained");
  const photo = page.locator(".card .picture img").first();
  const before = await photo.getAttribute("src");
  const why = page.getByRole("button", { name: "Montrer ce qui a compté dans la réponse sur beagle_14.jpg" });
  await why.click();
  await page.locator('[data-do=explain][aria-pressed="true"]').waitFor();
  assert.notEqual(await photo.getAttribute("src"), before);
  assert.match(await photo.getAttribute("alt"), /en couleur/);
  await photo.evaluate((image) => image.decode());
  assert.match(await page.locator("#status").innerText(), /ce qui a compté/);
  await why.click();
  assert.equal(await photo.getAttribute("src"), before);
  assert.equal(await why.getAttribute("aria-pressed"), "false");
});

test("everything is done with the keyboard alone", async ({ world, open }) => {
  const page = await open();
  await keepForms(page);
  // Asked for long before the key: the browser learns by another way than keys take that it shall
  // hand over the picker, and one that opens before it has is lost.
  const choosing = page.waitForEvent("filechooser");
  await page.goto("/");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Enter");
  const focused = () => page.evaluate(() => document.activeElement.id);
  for (let presses = 0; presses < 12 && (await focused()) !== "photos"; presses++) {
    await page.keyboard.press("Tab");
  }
  assert.equal(await focused(), "photos", "the file picker is reached");
  await page.keyboard.press("Enter");
  const chooser = await choosing;
  await chooser.setFiles(world.photo("beagle_14.jpg"));
  await answers(page, 1);
  for (let presses = 0; presses < 12; presses++) {
    await page.keyboard.press("Tab");
    if ((await page.evaluate(() => document.activeElement.dataset.do)) === "point") break;
  }
  await page.keyboard.press("Enter");
  assert.ok(await page.locator("#pointing").isVisible());
  const before = await page.inputValue("[name=x]");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Shift+ArrowUp");
  assert.ok(Number(await page.inputValue("[name=x]")) > Number(before));
  assert.ok(Number(await page.inputValue("[name=height]")) < 70);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter"); // The exact values are folded away.
  await page.keyboard.press("Tab");
  await page.keyboard.type("10");
  assert.equal(await page.evaluate(() => document.activeElement.name), "x");
  await page.keyboard.press("Enter");
  assert.match((await sent(page, 1)).find(({ name }) => name === "box").content, /^0\.10/);
  await answers(page, 1);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.do), "point");
});

test("the form works without script", async ({ world, open }) => {
  const page = await open({ javaScriptEnabled: false });
  await page.goto("/");
  const names = ["beagle_14.jpg", "samoyed_32.jpg"];
  await page.setInputFiles("#photos", names.map((name) => world.photo(name)));
  await page.click("button.submit");
  const cards = await page.locator(".card").allInnerTexts();
  assert.equal(cards.length, 2);
  assert.match(cards[0], /Beagle/);
  assert.match(cards[1], /Samoyède/);
  assert.ok(await page.locator(".card img").first().isVisible());
  await fits(page, "the answers without script");
  await picture(page, "without-script");
  await page.click("text=Essayer d’autres photos");
  await page.click("summary");
  await page.fill("[name=box_width]", "60");
  await page.setInputFiles("#photos", world.photo("beagle_14.jpg"));
  await page.click("button.submit");
  assert.match(await page.locator(".card").innerText(), /Zone encadrée/);
  const phone = await open({ javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
  await phone.goto("/");
  await fits(phone, "the start without script on a phone");
});

test("a wrong file is named in the person's language", async ({ open }) => {
  const page = await open({ expectFailures: true });
  await page.goto("/");
  const text = { name: "chien.jpg", type: "image/jpeg", base64: btoa("Ceci n'est pas une photo.") };
  await drop(page, [text]);
  await answers(page, 1);
  assert.match(await page.locator("[role=alert]").innerText(), /n’est pas une photo/);
  await page.click(".languages [hreflang=en]");
  assert.equal(await page.getAttribute("html", "lang"), "en");
  await drop(page, [text, { name: "vide.jpg", type: "image/jpeg", base64: "" }]);
  const cards = await answers(page, 2);
  assert.match(cards[0], /not a photo/);
  assert.match(cards[1], /empty/);
  await page.goto("/");
  assert.equal(await page.getAttribute("html", "lang"), "en", "the choice is kept");
});

test("a busy server is asked again, and one that is gone is told", async ({ world, open }) => {
  const page = await open({ expectFailures: true });
  await page.goto("/");
  let refusals = 0;
  await page.route("**/", (route) => {
    if (route.request().method() !== "POST" || refusals === 2) return route.continue();
    refusals++;
    return route.fulfill({ status: 503, headers: { "Retry-After": "1" }, body: "" });
  });
  await page.setInputFiles("#photos", world.photo("beagle_14.jpg"));
  assert.match((await answers(page, 1))[0], /Beagle/);
  assert.equal(refusals, 2);
  await page.unroute("**/");
  await page.route("**/", (route) => route.abort());
  await page.click("#start-again");
  await page.setInputFiles("#photos", world.photo("beagle_14.jpg"));
  await page.waitForSelector("[role=alert]");
  assert.match(await page.locator("[role=alert]").innerText(), /ne répond pas/);
  await page.unroute("**/");
  await page.click("text=Réessayer");
  assert.match((await answers(page, 1))[0], /Beagle/);
  // An upload that took too long may succeed the next time too.
  await page.route("**/", (route) =>
    route.fulfill({
      status: 408,
      body:
        '<article class="card"><div class="pictures"><figure class="picture"></figure></div>' +
        '<div class="answer"><button type="button" data-do="retry" hidden>Réessayer</button></div></article>',
    }),
  );
  await page.click("#start-again");
  await page.setInputFiles("#photos", world.photo("beagle_14.jpg"));
  await answers(page, 1);
  await page.unroute("**/");
  await page.click("text=Réessayer");
  assert.match((await answers(page, 1))[0], /Beagle/);
});

// ---- the reports ------------------------------------------------------------------------------

for (const language of ["fr", "en"]) {
  test(`the reports stand alone, fit a phone and are read, in ${language}`, async ({ world, open }) => {
    const at = (...names) => join(world.folder, `reports-${language}`, ...names);
    const museau = (...args) => {
      const env = { ...process.env, MUSEAU_LANG: language, MUSEAU_HOME: at("home") };
      const done = spawnSync(world.museau, args, { env, encoding: "utf8" });
      assert.equal(done.status, 0, `${args.join(" ")}\n${done.stderr}`);
    };
    // A twin under another class, and boxes to draw.
    mkdirSync(at(), { recursive: true });
    const rows = ["path,label,split,xmin,ymin,xmax,ymax"];
    for (const [photo, name, label, split] of [
      ["beagle_14.jpg", "a.jpg", "beagle", "train"],
      ["beagle_14.jpg", "b.jpg", "Samoyed", "train"],
      ["samoyed_32.jpg", "c.jpg", "Samoyed", "train"],
      ["saint_bernard_187.jpg", "d.jpg", "Saint_Bernard", "val"],
    ]) {
      copyFileSync(world.photo(photo), at(name));
      rows.push(`${name},${label},${split},20,20,120,110`);
    }
    writeFileSync(at("labels.csv"), rows.join("\n"));
    museau("data", "import", at("labels.csv"), "-o", at("set.csv"));
    museau("data", "check", at("set.csv"), "-o", at("checked"));
    museau("data", "explore", at("set.csv"), "-o", at("looked"));
    museau("preprocess", "gallery", "clahe | resize(224)", at("a.jpg"), "-o", at("gallery.html"));
    const small = ["--input.size", "32", "--model.filters", "4,8", "--train.epochs", "3"];
    const data = ["--data.source", at("set.csv"), "--data.classes", "beagle,Samoyed"];
    museau("train", ...data, ...small, "-o", at("run"));
    for (const report of [
      ["checked", "report.html"],
      ["looked", "explore.html"],
      ["gallery.html"],
      ["run", "curve.html"],
    ]) {
      const page = await open({ baseURL: "file:///" });
      const address = pathToFileURL(at(...report)).href;
      const asked = [];
      page.on("request", (request) => asked.push(request.url()));
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 900 });
        await page.goto(address);
        await fits(page, `${report.at(-1)} at ${width}`);
        await picture(page, `${report.at(-1)}-${language}-${width}`);
      }
      assert.equal(await page.getAttribute("html", "lang"), language);
      await accessible(page, report.at(-1));
      const elsewhere = asked.filter((url) => url !== address && !url.startsWith("data:"));
      assert.deepEqual(elsewhere, [], "it needs nothing but itself");
      if (report.at(-1) !== "gallery.html") continue;
      const slider = page.locator(".compare input").first();
      const pictures = await page.locator(".compare").first().locator("img").all();
      for (const one of [slider, ...pictures]) {
        const { x, width } = await one.boundingBox();
        assert.ok(x >= 0 && x + width <= 390, `cut off: ${x} + ${width}`);
      }
      for (let presses = 0; presses < 20; presses++) {
        await page.keyboard.press("Tab");
        if (await slider.evaluate((input) => input === document.activeElement)) break;
      }
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowRight");
      assert.equal(await slider.inputValue(), "52", "by keyboard");
      const cut = await page
        .locator(".compare figure + figure")
        .first()
        .evaluate((figure) => getComputedStyle(figure).clipPath);
      assert.match(cut, /52%/);
    }
  });
}

// ---- the test page ----------------------------------------------------------------------------

const right = { Beagle: "beagle", Samoyède: "samoyède" };

test("the test page asks, shows, scores, and goes on by keyboard", async ({ open }) => {
  const page = await open();
  await page.goto("/demo?seed=7");
  assert.match(await page.locator(".intro").innerText(), /dossier «\stest\s».*4/s);
  assert.equal(await page.evaluate(() => document.activeElement.id), "guess");
  assert.ok(await page.evaluate(() => document.querySelector(".demo-photo img").naturalWidth > 0));
  await page.keyboard.type("licorne");
  await page.keyboard.press("Enter");
  assert.match(await page.locator("[role=alert]").innerText(), /licorne/);
  await page.fill("#guess", right.Beagle);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#next");
  const truth = await page.locator(".breed").innerText();
  const you = truth === "Beagle" ? "1 sur 1" : "0 sur 1";
  assert.equal(await page.locator("#score-you").innerText(), you);
  assert.equal(await page.locator("#score-model").innerText(), "1 sur 1");
  assert.equal(await page.locator(".next tr").count(), 2);
  await page.click(".why summary");
  await page.waitForFunction(() => document.querySelector(".why img").naturalWidth > 0);

  await page.reload();
  assert.equal(await page.locator("#score-you").innerText(), you, "a reload counts nothing twice");
  await page.goBack();
  await page.fill("#guess", right.Samoyède);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#next");
  assert.match(await page.locator("#score-you").innerText(), /sur 1$/, "nor a step back");

  for (const key of ["n", "ArrowRight", "Enter"]) {
    const number = await page.locator("figcaption").innerText();
    assert.equal(await page.evaluate(() => document.activeElement.id), "next");
    await page.keyboard.press(key);
    await page.waitForSelector("#guess");
    assert.notEqual(await page.locator("figcaption").innerText(), number, key);
    await page.click("button[name=show]");
    await page.waitForSelector("#next");
  }
  assert.equal(await page.locator("#score-model").innerText(), "4 sur 4");
  assert.match(await page.locator("#score-you").innerText(), /sur 1$/, "showing is not guessing");
});

test("the same draw brings the same photos, and the keys can be switched off", async ({ open }) => {
  const page = await open();
  const drawn = async (seed) => {
    const breeds = [];
    await page.goto(`/demo?seed=${seed}&show=1`);
    for (let number = 0; number < 4; number++) {
      breeds.push(await page.locator(".breed").innerText());
      await page.click("#next");
      await page.click("button[name=show]");
      await page.waitForSelector("#next");
    }
    return breeds;
  };
  const first = await drawn(3);
  assert.deepEqual(await drawn(3), first);
  assert.equal(new Set(first).size, 4, "each photo comes once");
  await page.uncheck("#keys");
  const before = page.url();
  await page.keyboard.press("n");
  await page.waitForTimeout(200);
  assert.equal(page.url(), before);
  await page.reload();
  assert.ok(!(await page.isChecked("#keys")), "the choice is kept");
});

test("the test page works without script, and in English", async ({ open }) => {
  const page = await open({ javaScriptEnabled: false, locale: "en-GB" });
  await page.goto("/demo?seed=7");
  await page.fill("#guess", "beagle");
  await page.click("button.main");
  assert.match(await page.locator(".panel").innerText(), /You are right|Your answer: Beagle/);
  await page.click("#next");
  await page.click("button[name=show]");
  assert.equal(await page.locator("#score-model").innerText(), "2 of 2");
});

test("museau demo serves the test page at the root", async ({ world, open }) => {
  const server = await start(world.museau, ["demo", world.set, "--listen", "127.0.0.1:0"]);
  try {
    const page = await open({ baseURL: server.address });
    await page.goto("/");
    assert.match(page.url(), /\?seed=\d+/);
    await page.click("button[name=show]");
    await page.waitForSelector("#next");
    assert.equal(await page.locator("#score-model").innerText(), "1 sur 1");
  } finally {
    await end(server);
  }
});

// ---- all pages: accessibility, small screens, pictures ----------------------------------------

for (const colorScheme of ["light", "dark"]) {
  for (const [size, options] of Object.entries({ desktop: {}, phone: PHONE })) {
    test(`every page is accessible and fits: ${size}, ${colorScheme}`, async ({ world, open }) => {
      const page = await open({ colorScheme, expectFailures: true, reducedMotion: "reduce", ...options });
      const check = async (what, whole = true) => {
        await accessible(page, what);
        await fits(page, what);
        await targetsAreLarge(page, what);
        await picture(page, `${what.replaceAll(" ", "-")}-${size}-${colorScheme}`, whole);
      };
      await page.goto("/");
      await check("start");
      const names = ["beagle_14.jpg", "keeshond_173.jpg", "birman_108.jpg", "ATTRIBUTION.md"];
      await page.setInputFiles("#photos", names.map((name) => world.photo(name)));
      await answers(page, 4);
      await check("answers");
      await page.locator("[data-do=point]").first().click();
      await check("pointing", false);
      await page.click("button[value=cancel]");
      await page.check("#together");
      await page.waitForFunction(() => document.querySelector(".pictures.many"));
      await page.waitForFunction(() => !document.querySelector(".pending"));
      await check("together");
      await page.goto("/demo?seed=7");
      await check("test page question");
      await page.click("button[name=show]");
      await page.waitForSelector("#next");
      await check("test page answer");
      await page.goto("/nowhere");
      await check("lost");
    });
  }
}

test("what a check found is decided by key and by button, and taken back", async ({ world, open }) => {
  const set = join(world.folder, "to-review");
  const report = join(world.folder, "checked");
  for (const [breed, photo] of [["beagle", "beagle_14.jpg"], ["keeshond", "beagle_14.jpg"], ["keeshond", "keeshond_173.jpg"]]) {
    mkdirSync(join(set, breed), { recursive: true });
    copyFileSync(world.photo(photo), join(set, breed, photo));
  }
  const checked = spawnSync(world.museau, ["data", "check", set, "--output", report], { encoding: "utf8", timeout: 60_000 });
  assert.equal(checked.status, 0, checked.stderr);
  const verdicts = () => {
    const lines = readFileSync(join(report, "decisions.csv"), "utf8").trim().split("\n");
    return lines.slice(1).map((line) => line.split(",")[2]).filter(Boolean);
  };
  const args = ["data", "review", set, "--check", report, "--who", "ada", "--listen", "127.0.0.1:0"];
  const server = await start(world.museau, args);
  try {
    const page = await open({ baseURL: server.address });
    await page.goto("/");
    assert.equal(await page.locator(".review img").count(), 2);
    assert.match(await page.locator("figcaption").first().textContent(), /Beagle/);
    await accessible(page, "review");
    await targetsAreLarge(page, "review");
    await picture(page, "review-desktop-light", true);
    await page.keyboard.press("2");
    await page.getByRole("heading", { name: "Toutes les décisions sont prises" }).waitFor();
    assert.deepEqual(verdicts(), ["drop"]);
    await page.goto("/?n=0");
    assert.ok(await page.getByText("Écartée", { exact: true }).isVisible());
    await page.keyboard.press("u");
    await page.waitForFunction(() => !document.querySelector(".note.bad"));
    assert.deepEqual(verdicts(), []);
    await page.selectOption("#class1", "beagle");
    await page.locator("button[value=class1]").click();
    await page.getByRole("heading", { name: "Toutes les décisions sont prises" }).waitFor();
    assert.deepEqual(verdicts(), ["class:beagle"]);
    const phone = await open({ ...PHONE, baseURL: server.address, javaScriptEnabled: false });
    await phone.goto("/?n=0&lang=en");
    await fits(phone, "review on a phone");
    await picture(phone, "review-phone-light", true);
    await phone.getByRole("button", { name: "Keep both" }).click();
    await phone.getByRole("heading", { name: "All decided" }).waitFor();
    assert.deepEqual(verdicts().slice(-2), ["keep", "keep"]);
    // Another site can neither send a form here nor make a name of its own point here.
    const form = new URLSearchParams({ n: "0", verdict: "drop" });
    const foreign = await fetch(`${server.address}/decide`, { method: "POST", body: form, headers: { origin: "http://evil.example" } });
    assert.equal(foreign.status, 403);
    assert.deepEqual(verdicts().slice(-2), ["keep", "keep"]);
  } finally {
    await end(server);
  }
});

test("a phone is offered its camera", async ({ open }) => {
  const page = await open(PHONE);
  await page.goto("/");
  assert.ok(await page.locator("label.camera").isVisible());
  assert.equal(await page.getAttribute("#camera", "capture"), "environment");
  const desktop = await open();
  await desktop.goto("/");
  assert.ok(await desktop.locator("label.camera").isHidden());
});

// ---- the server -------------------------------------------------------------------------------

test("a port in use is said clearly", async ({ world }) => {
  const address = world.server.address.replace("http://", "");
  const second = spawnSync(world.museau, ["serve", "--listen", address], {
    encoding: "utf8",
    env: { ...process.env, MUSEAU_LANG: "fr" },
    timeout: 30_000,
  });
  assert.equal(second.status, 1, second.stderr);
  assert.match(second.stderr, /déjà utilisée/);
});

test("200 uploads at once end each in an answer or a clean refusal", async ({ world }) => {
  const bytes = readFileSync(world.photo("beagle_14.jpg"));
  const upload = async () => {
    const form = new FormData();
    form.append("photo", new Blob([bytes], { type: "image/jpeg" }), "a.jpg");
    const response = await fetch(`${world.server.address}/api/v1/classify`, { method: "POST", body: form });
    const said = await response.json();
    if (response.status === 200) assert.equal(said.breeds[0].id, "n02088364");
    else {
      assert.equal(response.status, 503);
      assert.equal(said.kind, "busy");
      assert.ok(Number(response.headers.get("retry-after")) > 0);
    }
    return response.status;
  };
  const ended = await Promise.all(Array.from({ length: 200 }, upload));
  assert.ok(ended.includes(200));
  assert.equal(await upload(), 200, "and the server is alive");
});

if (process.platform !== "win32") {
  test("a museau that is asked to stop finishes what it has begun", async ({ world }) => {
    const server = await start(world.museau, ["serve", "--listen", "127.0.0.1:0"]);
    const form = new FormData();
    const bytes = readFileSync(world.photo("beagle_14.jpg"));
    form.append("photo", new Blob([bytes], { type: "image/jpeg" }), "a.jpg");
    const asked = fetch(`${server.address}/api/v1/classify`, { method: "POST", body: form });
    await new Promise((done) => setTimeout(done, 15));
    server.child.kill("SIGTERM");
    const response = await asked;
    assert.equal(response.status, 200);
    assert.equal((await response.json()).answer, "dog");
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    assert.match(server.said, /Arrêt/);
  });

  test("a museau that is asked to stop twice ends at once", async ({ world }) => {
    const server = await start(world.museau, ["serve", "--listen", "127.0.0.1:0"]);
    // A request that has begun and does not end: it would be waited for.
    const { hostname, port } = new URL(server.address);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {});
    socket.write(
      `POST /api/v1/classify HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 1000\r\n` +
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n",
    );
    await new Promise((done) => setTimeout(done, 200));
    server.child.kill("SIGTERM");
    while (!server.said.includes("Arrêt")) await new Promise((done) => setTimeout(done, 20));
    await new Promise((done) => setTimeout(done, 300));
    assert.equal(server.child.exitCode, null, "it waits for the request");
    const asked = Date.now();
    server.child.kill("SIGTERM");
    assert.deepEqual(await server.ended, { code: 130, signal: null });
    assert.ok(Date.now() - asked < 5000);
    socket.destroy();
  });
}
