// The association's page: photos that are dropped, chosen, pasted or taken are shrunk, sent, and
// answered with the server's cards. Without this script the form does the same by a plain submit.

const LONGEST_SIDE = 1600; // Pixels: more than any network looks at, little enough for a slow line.
const JPEG_QUALITY = 0.92;
const SENT_AS_IT_IS = 1_500_000; // Bytes: smaller photos gain nothing from being shrunk again.
const AT_ONCE = 2; // Requests under way.
const TRIES = 6; // When the server is busy.

document.documentElement.classList.add("js");

const app = document.querySelector("#app");
const text = JSON.parse(app.dataset.texts);
const drop = app.querySelector("#drop");
const dropTitle = drop.querySelector("h2 .with-mouse");
const together = app.querySelector("#together");
const results = document.querySelector("#results");
const cards = results.querySelector(".cards");
const status = document.querySelector("#status");

/** The photos on the page: {id, name, file, prepared, box, preview}, in the order they came. */
let photos = [];
let nextId = 1;
let running = 0;
const queue = [];

// ---- photos in -------------------------------------------------------------------------------

function add(files) {
  const added = [...files].map((file) => ({
    id: nextId++,
    name: file.name || text.pasted,
    file,
    prepared: null,
    box: null,
    preview: null,
  }));
  if (added.length === 0) return;
  photos.push(...added);
  const alone = photos.length === added.length;
  let shown = [];
  if (together.checked) {
    shown = [showTogether()];
  } else {
    shown = added.map((photo) => pendingCard([photo]));
    added.forEach((photo, index) => ask([photo], shown[index]));
  }
  refresh();
  // On a phone the answer takes the screen; beside the first there is the heading.
  const block = matchMedia("(max-width: 40rem)").matches ? "start" : "nearest";
  (alone ? results : shown[0]).scrollIntoView({ block, behavior: "smooth" });
}

for (const input of app.querySelectorAll('input[type="file"]')) {
  input.addEventListener("change", () => {
    add(input.files);
    input.value = "";
  });
}

app.addEventListener("submit", (event) => event.preventDefault());

let depth = 0; // dragenter and dragleave also fire for the children.
const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
const over = (on) => {
  drop.classList.toggle("over", on);
  dropTitle.textContent = on ? text.drop_now : text.drop_title;
};
addEventListener("dragenter", (event) => {
  if (carriesFiles(event) && ++depth === 1) over(true);
});
addEventListener("dragleave", (event) => {
  if (carriesFiles(event) && --depth === 0) over(false);
});
addEventListener("dragover", (event) => {
  if (carriesFiles(event)) event.preventDefault();
});
addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  depth = 0;
  over(false);
  add(event.dataTransfer.files);
});
addEventListener("paste", (event) => {
  const files = event.clipboardData?.files ?? [];
  if (files.length > 0) {
    event.preventDefault();
    add(files);
  }
});

together.addEventListener("change", () => {
  if (photos.length === 0) return;
  cards.replaceChildren();
  if (together.checked) showTogether();
  else for (const photo of photos) ask([photo], pendingCard([photo]));
});

results.querySelector("#start-again").addEventListener("click", () => {
  photos = [];
  cards.replaceChildren();
  refresh();
  status.textContent = "";
  app.querySelector("#photos").focus();
});

/** Asks about all photos as one dog; returns the card that waits for the answer. */
function showTogether() {
  cards.replaceChildren();
  const card = pendingCard(photos);
  ask([...photos], card);
  return card;
}

function refresh() {
  results.hidden = photos.length === 0;
  document.body.classList.toggle("has-cards", photos.length > 0);
}

// ---- shrinking -------------------------------------------------------------------------------

/** What is sent for a photo: a JPEG of at most LONGEST_SIDE pixels a side, turned upright; or the
 *  file itself where the browser cannot read it (HEIC) or it is small already. */
function prepared(photo) {
  photo.prepared ??= prepare(photo);
  return photo.prepared;
}

async function prepare(photo) {
  let sent = photo.file;
  try {
    const bitmap = await createImageBitmap(photo.file, { imageOrientation: "from-image" });
    const scale = LONGEST_SIDE / Math.max(bitmap.width, bitmap.height);
    if (scale < 1 || photo.file.size > SENT_AS_IT_IS) {
      const factor = Math.min(1, scale);
      const canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.round(bitmap.width * factor));
      canvas.height = Math.max(1, Math.round(bitmap.height * factor));
      const context = canvas.getContext("2d");
      context.fillStyle = "#fff"; // Transparent parts become white, as on the server.
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.imageSmoothingQuality = "high";
      context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", JPEG_QUALITY));
      if (blob) sent = blob;
    }
    bitmap.close();
    photo.preview = URL.createObjectURL(sent);
  } catch {
    // Not a picture that this browser reads: the server may, or says why not.
  }
  return sent;
}

// ---- asking ----------------------------------------------------------------------------------

function pendingCard(of) {
  const card = document.createElement("article");
  card.className = "card pending";
  const pictures = document.createElement("div");
  pictures.className = of.length > 1 ? "pictures many" : "pictures";
  for (const photo of of) {
    const figure = document.createElement("figure");
    figure.className = "picture";
    const frame = document.createElement("div");
    frame.className = "frame";
    const caption = document.createElement("figcaption");
    caption.textContent = photo.name;
    figure.append(frame, caption);
    pictures.append(figure);
    prepared(photo).then(() => {
      if (!photo.preview) return;
      const image = new Image();
      image.alt = "";
      image.src = photo.preview;
      frame.replaceChildren(image);
    });
  }
  const answer = document.createElement("div");
  answer.className = "answer";
  const line = document.createElement("p");
  line.className = "plain";
  line.textContent = text.looking;
  answer.append(line);
  card.append(pictures, answer);
  cards.append(card);
  return card;
}

function ask(of, card) {
  queue.push({ of, card });
  work();
}

async function work() {
  if (running >= AT_ONCE || queue.length === 0) return;
  running++;
  const { of, card } = queue.shift();
  try {
    if (card.isConnected) await answer(of, card);
  } finally {
    running--;
    work();
  }
  work();
}

async function answer(of, card) {
  const blobs = await Promise.all(of.map(prepared));
  const form = new FormData();
  of.forEach((photo, index) => {
    form.append("box", photo.box ? photo.box.map((part) => part.toFixed(5)).join(",") : "");
    form.append("photo", blobs[index], photo.name);
  });
  if (of.length > 1) form.append("together", "1");
  const line = card.querySelector(".plain");
  for (let attempt = 1; ; attempt++) {
    let response;
    try {
      response = await fetch(app.action, {
        method: "POST",
        body: form,
        headers: { "X-Museau-Part": "cards" },
      });
    } catch {
      return failed(of, card, text.network);
    }
    if (response.status === 503 && attempt < TRIES) {
      if (line) line.textContent = text.waiting;
      const seconds = Number(response.headers.get("Retry-After")) || 2;
      await new Promise((done) => setTimeout(done, seconds * 1000 * (0.75 + Math.random() / 2)));
      continue;
    }
    const html = await response.text();
    if (!card.isConnected) return;
    const received = document.createElement("template");
    received.innerHTML = html;
    const made = [...received.content.querySelectorAll("article.card")];
    if (made.length === 0) return failed(of, card, text.network);
    const hadFocus = card.contains(document.activeElement) || card.dataset.focus;
    card.replaceWith(...made);
    for (const one of made) bind(one, of);
    if (hadFocus) made[0].querySelector("button")?.focus();
    announce(made[0]);
    return;
  }
}

function failed(of, card, message) {
  const box = card.querySelector(".answer");
  const note = document.createElement("p");
  note.className = "note bad";
  note.setAttribute("role", "alert");
  note.textContent = message;
  const retry = document.createElement("button");
  retry.type = "button";
  retry.textContent = text.retry;
  retry.addEventListener("click", () => again(of, card));
  box.replaceChildren(note, retry);
  card.classList.remove("pending");
  if (card.dataset.focus) retry.focus();
}

/** Reads the answer out to those who do not see it. */
function announce(card) {
  status.textContent = card.dataset.summary ?? "";
}

/** Wires the buttons of a card that came from the server. */
function bind(card, of) {
  const retry = card.querySelector("[data-do=retry]");
  if (retry) {
    retry.hidden = false;
    retry.addEventListener("click", () => again(of, card));
  }
  // A picture without a number stands for no photo: the request failed as a whole.
  for (const figure of card.querySelectorAll(".picture[data-photo]")) {
    const photo = of[Number(figure.dataset.photo)];
    if (!photo) continue;
    const image = figure.querySelector("img");
    if (!photo.box && !photo.preview && image) photo.preview = image.src;
    const actions = figure.querySelector(".actions");
    if (!actions) continue;
    actions.hidden = false;
    const point = actions.querySelector("[data-do=point]");
    if (photo.preview && point) point.addEventListener("click", () => pointAt(photo, of, card));
    else point?.remove();
    const why = actions.querySelector("[data-do=explain]");
    why?.addEventListener("click", () => explain(photo, figure, why));
    actions.querySelector("[data-do=remove]")?.addEventListener("click", () => {
      photos = photos.filter((other) => other !== photo);
      card.remove();
      if (together.checked && photos.length > 0) showTogether();
      refresh();
      (cards.querySelector("button") ?? app.querySelector("#photos")).focus();
    });
  }
}

// ---- what an answer rests on -------------------------------------------------------------------

/** Shows what the answer rests on in the photo's place, or the photo again. */
async function explain(photo, figure, button) {
  const image = figure.querySelector("img");
  const caption = figure.querySelector("figcaption");
  if (button.ariaPressed === "true") {
    Object.assign(image, button.unexplained.image);
    caption.textContent = button.unexplained.caption;
    button.ariaPressed = "false";
    return;
  }
  button.unexplained ??= {
    image: { src: image.src, alt: image.alt },
    caption: caption.textContent,
  };
  button.disabled = true;
  status.textContent = text.looking;
  let said = text.network;
  try {
    const form = new FormData();
    if (photo.box) form.append("box", photo.box.map((part) => part.toFixed(5)).join(","));
    form.append("photo", await prepared(photo), photo.name);
    const response = await fetch("/api/v1/explain", { method: "POST", body: form });
    if (response.ok) {
      image.src = URL.createObjectURL(await response.blob());
      image.alt = text.explained_alt;
      button.ariaPressed = "true";
      said = text.explain_hint;
    } else {
      said = (await response.json()).detail;
    }
  } catch {
    // What is said is that museau does not respond.
  }
  button.disabled = false;
  caption.textContent = said;
  status.textContent = said;
  button.focus();
}

// ---- pointing at one dog ---------------------------------------------------------------------

const dialog = document.querySelector("#pointing");
const stage = dialog.querySelector(".stage");
const picture = stage.querySelector("img");
const selection = stage.querySelector(".selection");
const fields = ["x", "y", "width", "height"].map((name) => dialog.querySelector(`[name=${name}]`));
const SMALLEST = 0.02; // Of the photo's side: nothing can be told from less.
let box = [0, 0, 1, 1];
let pointing = null;

function pointAt(photo, of, card) {
  pointing = { photo, of, card };
  picture.src = photo.preview;
  setBox(photo.box ?? [0.15, 0.15, 0.7, 0.7]);
  dialog.showModal();
  stage.focus();
}

function setBox([x, y, width, height], fromFields = false) {
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  width = clamp(width, SMALLEST, 1);
  height = clamp(height, SMALLEST, 1);
  box = [clamp(x, 0, 1 - width), clamp(y, 0, 1 - height), width, height];
  const percent = box.map((part) => Math.round(part * 100));
  if (!fromFields) fields.forEach((field, index) => (field.value = percent[index]));
  selection.style.left = `${box[0] * 100}%`;
  selection.style.top = `${box[1] * 100}%`;
  selection.style.width = `${box[2] * 100}%`;
  selection.style.height = `${box[3] * 100}%`;
  stage.setAttribute(
    "aria-label",
    text.box_area
      .replace("{x}", percent[0])
      .replace("{y}", percent[1])
      .replace("{width}", percent[2])
      .replace("{height}", percent[3]),
  );
}

for (const field of fields) {
  field.addEventListener("input", () => {
    const values = fields.map((one) => Number(one.value) / 100);
    if (values.every(Number.isFinite)) setBox(values, true);
  });
  field.addEventListener("change", () => setBox(box));
}

let from = null;
const place = (event) => {
  const area = stage.getBoundingClientRect();
  const part = (value, low, size) => Math.min(Math.max((value - low) / size, 0), 1);
  return [part(event.clientX, area.left, area.width), part(event.clientY, area.top, area.height)];
};
stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  event.preventDefault();
  stage.focus();
  stage.setPointerCapture(event.pointerId);
  from = place(event);
});
stage.addEventListener("pointermove", (event) => {
  if (!from) return;
  const to = place(event);
  const size = [Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])];
  if (size[0] < SMALLEST && size[1] < SMALLEST) return;
  setBox([Math.min(from[0], to[0]), Math.min(from[1], to[1]), ...size]);
});
for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => (from = null));

stage.addEventListener("keydown", (event) => {
  const step = event.altKey ? 0.01 : 0.03;
  const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
  const move = moves[event.key];
  if (!move) return;
  event.preventDefault();
  const [x, y, width, height] = box;
  if (event.shiftKey) {
    setBox([x, y, Math.min(width + move[0], 1 - x), Math.min(height + move[1], 1 - y)]);
  } else {
    setBox([x + move[0], y + move[1], width, height]);
  }
});

/** Asks once more about a card's photos; the focus goes to the answer. */
function again(of, card) {
  // Photos of one dog have one answer, and those that could not be read have cards beside it.
  if (together.checked) {
    showTogether().dataset.focus = "1";
    return;
  }
  const fresh = pendingCard(of);
  fresh.dataset.focus = "1";
  card.replaceWith(fresh);
  ask(of, fresh);
}

dialog.querySelector("form").addEventListener("submit", (event) => {
  const choice = event.submitter?.value;
  if (!pointing || choice === "cancel") return;
  const { photo, of, card } = pointing;
  photo.box = choice === "whole" ? null : box;
  again(of, card);
});
