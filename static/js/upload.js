// Files that are dropped or chosen are sent at once, each by itself: with progress, and each can be canceled.
// Without this module the form sends them all together.
const form = document.getElementById("upload");
const input = form.elements.files;
const rows = document.getElementById("uploads");
const zone = form.querySelector(".dropzone");

/** As the outcome says it: 12.5 KB, 3.0 MB. */
function size(bytes, { of = bytes } = {}) {
  const [unit, name] = of < 1024 ** 2 ? [1024, "KB"] : [1024 ** 2, "MB"];
  const figures = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return `${(bytes / unit).toLocaleString(document.documentElement.lang, figures)} ${name}`;
}

form.querySelector(".send").hidden = true;

input.addEventListener("change", () => {
  add(input.files);
  form.reset();
});

// A file that is dragged over the page opens the panel; dropped beside it, it is added all the same. Anything else, as
// words into a field, is left to the browser.
const panel = document.getElementById("add-usage");
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    panel.classList.add("is-open");
    zone.classList.toggle("is-over", name === "dragover" && zone.contains(event.target));
    if (name === "drop") add(event.dataTransfer.files);
  });
}
panel.addEventListener("click", ({ target }) => {
  if (target.closest("[href='#instances']")) panel.classList.remove("is-open"); // it comes with the first count
});

/** Send files one after the other. Those that are added together belong together: the pages of a cloud list. */
async function add(files) {
  const batch = newId();
  const waiting = Array.from(files, (file) => ({ file, row: newRow(file) }));
  const fits = waiting.filter(({ file, row }) => file.size <= form.dataset.limit || fail(row, form.dataset.tooLarge));
  for (const { file, row } of fits) {
    await send(file, row, { batch, batch_size: fits.length });
  }
}

let sending = 0;

window.addEventListener("beforeunload", (event) => {
  if (sending) event.preventDefault(); // the browser asks, in its own words
});

function send(file, row, facts) {
  return new Promise((resolve) => {
    const body = new FormData(form);
    body.set("files", file);
    for (const [name, value] of Object.entries(facts)) body.set(name, value);
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "text/plain");
    request.upload.addEventListener("progress", (event) => show(row, event.loaded, event.total));
    request.addEventListener("load", () => {
      if (request.status === 401) { // signed out meanwhile: the door says so
        sending = 0;
        return location.reload();
      }
      if (request.status === 204) putAway(row);
      else fail(row, request.status === 400 ? request.responseText : form.dataset.broken);
      htmx.trigger(document.body, "usage-changed");
    });
    request.addEventListener("error", () => fail(row, form.dataset.broken));
    request.addEventListener("abort", () => putAway(row));
    request.addEventListener("loadend", () => {
      if (request.status === 401) return;
      sending -= 1;
      resolve();
    });
    row.querySelector("button").addEventListener("click", () => request.abort());
    if (!row.isConnected) return resolve(); // canceled while it waited
    show(row, 0, file.size);
    sending += 1;
    request.send(body);
  });
}

/** Whoever is at a row by keyboard goes on at the choice of files, and not at the top of the page. */
function putAway(row) {
  const isHere = row.contains(document.activeElement);
  row.remove();
  if (isHere) input.focus({ preventScroll: true });
}

function newRow(file) {
  const row = document.getElementById("upload-row").content.cloneNode(true).firstElementChild;
  row.querySelector("[data-name]").textContent = file.name;
  row.querySelector("progress").setAttribute("aria-label", file.name);
  row.querySelector("[data-of]").textContent = ` ${file.name}`;
  row.querySelector("button").addEventListener("click", () => putAway(row));
  row.querySelector("[data-progress]").textContent = form.dataset.waiting;
  rows.append(row);
  return row;
}

function show(row, done, total) {
  const bar = row.querySelector("progress");
  bar.max = total || 1;
  bar.value = done;
  const words = done < total || !total ? form.dataset.progress : form.dataset.sent;
  row.querySelector("[data-progress]").textContent = words.replace("{done}", size(done, { of: total })).replace("{total}", size(total));
}

/** Say in the row why its file was not taken; the button puts the row away. */
function fail(row, sentence) {
  const file = row.querySelector(".file");
  file.dataset.state = "FAILURE";
  file.querySelector(".spinner").replaceWith(document.getElementById("upload-failed").content.cloneNode(true));
  file.querySelector(".meter").remove();
  const text = file.querySelector("[data-text]");
  const whose = document.createElement("span"); // what is heard is the alert alone
  whose.className = "visually-hidden";
  whose.textContent = `${file.querySelector("[data-name]").textContent}: `;
  text.replaceChildren(whose, sentence);
  text.setAttribute("role", "alert");
  file.querySelector("[data-verb]").textContent = form.dataset.dismiss;
  return false;
}

/** A UUID, also on plain http, where crypto.randomUUID is not there. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
