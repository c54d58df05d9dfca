// The review page's keys: what a button or a link names in data-key. They are silent while one
// chooses in a field. Everything works without this script too.

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.isComposing) return;
  if (event.repeat || event.target.matches?.("input, textarea, select")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const named = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
  if (!named || named.disabled) return;
  event.preventDefault();
  named.click();
});
