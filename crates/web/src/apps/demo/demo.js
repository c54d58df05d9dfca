// The test page's keys: N or the right arrow for the next photo. They can be switched off, and are
// silent while one writes in a field. Everything works without this script too.

document.documentElement.classList.add("js");

const next = document.querySelector("#next");
const keys = document.querySelector("#keys");
const KEY = "museau-keys";

function remembered() {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true; // Storage may be forbidden: the keys then simply stay on.
  }
}

if (keys) {
  keys.closest("label").hidden = false;
  keys.checked = remembered();
  keys.addEventListener("change", () => {
    try {
      localStorage.setItem(KEY, keys.checked ? "on" : "off");
    } catch {
      // As above.
    }
  });
}

addEventListener("keydown", (event) => {
  if (!next || (keys && !keys.checked)) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.isComposing) return;
  if (event.target.matches?.("input:not([type=checkbox]), textarea, select")) return;
  if (event.key === "n" || event.key === "N" || event.key === "ArrowRight") {
    event.preventDefault();
    next.click();
  }
});

// On a phone the field's keyboard would cover the photo.
const field = matchMedia("(hover: hover)").matches ? document.querySelector("#guess") : null;
(next ?? field)?.focus({ preventScroll: true });
