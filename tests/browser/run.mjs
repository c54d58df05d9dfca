// Tests of the pages in a real browser: `node tests/browser/run.mjs [PART OF A NAME]`.
//
// Needs Node.js 20 or later, Chromium and a built museau. What is missing is installed where that
// can be done (npm's packages by the lock file; Chromium by apt-get, as root), else it is said what
// to install. Closes with the line 'N passed, N failed'; the exit status is 0, 1 (a test failed)
// or 2 (the tests could not be run).
//
//   MUSEAU_BIN          the program to test [release/museau, else debug/museau, of
//                       CARGO_TARGET_DIR or target]
//   CHROMIUM            the browser [chromium, chromium-browser or google-chrome of the path]
//   MUSEAU_SCREENSHOTS  a folder for pictures of the pages, desktop and phone, light and dark

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");

function stop(message) {
  console.error(message);
  process.exit(2);
}

function run(program, args, options = {}) {
  const done = spawnSync(program, args, { stdio: "inherit", ...options });
  return done.status === 0;
}

function packages() {
  if (existsSync(join(here, "node_modules", "playwright-core", "package.json"))) return;
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const shell = process.platform === "win32";
  if (!run(npm, ["ci", "--no-audit", "--no-fund"], { cwd: here, shell })) {
    stop("The browser's tests need two packages of npm: `npm ci` in tests/browser failed.");
  }
}

function onPath(name) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

function browser() {
  const find = () =>
    process.env.CHROMIUM ??
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome.exe"]
      .map(onPath)
      .find(Boolean) ??
    [
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
      "/Applications/Chromium.app/Contents/MacOS/Chromium",
      "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
    ].find((file) => existsSync(file));
  if (!find() && onPath("apt-get") && process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    run("apt-get", ["update", "-q"], { env });
    run("apt-get", ["install", "-y", "-q", "--no-install-recommends", "chromium"], { env });
  }
  return (
    find() ??
    stop(
      "The browser's tests need Chromium (Debian: `apt-get install chromium`; elsewhere Chromium or " +
        "Google Chrome). Where it is not on the path, CHROMIUM names it.",
    )
  );
}

function program() {
  const suffix = process.platform === "win32" ? ".exe" : "";
  // Where cargo builds; a relative folder is the root's, which is where cargo is called.
  const target = resolve(root, process.env.CARGO_TARGET_DIR || "target");
  const found =
    process.env.MUSEAU_BIN ??
    ["release", "debug"]
      .map((profile) => join(target, profile, `museau${suffix}`))
      .find((file) => existsSync(file));
  return found ?? stop("There is no museau to test: `cargo build --release` first.");
}

packages();
const executablePath = browser();
const museau = program();
const { tests, prepare } = await import("./tests.mjs");
const wanted = process.argv[2];
const chosen = tests.filter(({ name }) => !wanted || name.includes(wanted));
if (chosen.length === 0) stop(`No test's name has '${wanted}'.`);

let world;
try {
  world = await prepare({ executablePath, museau, root });
} catch (error) {
  stop(`The tests could not begin: ${error.stack ?? error}`);
}
let stopped = null;
for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]]) {
  process.on(signal, () => {
    if (stopped) return;
    stopped = signal;
    console.error(`stopped by ${signal}`);
    world.end().finally(() => process.exit(status));
  });
}
let [passed, failed] = [0, 0];
for (const { name, test } of chosen) {
  if (stopped) await new Promise(() => {}); // Until the handler above ends the process.
  const begun = Date.now();
  try {
    await world.run(test);
    passed++;
    console.log(`ok    ${name} (${Date.now() - begun} ms)`);
  } catch (error) {
    if (stopped) continue;
    failed++;
    console.log(`FAIL  ${name}\n${String(error.stack ?? error).replace(/^/gm, "      ")}`);
  }
}
await world.end();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
