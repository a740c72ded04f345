// The License page follows open work: #live fetches what has changed, this module says what is on the page already.

// Every request names the versions that it has ("figures:ab12 file-7:cd34"), so that only what differs comes back.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  const fragments = document.querySelectorAll("[data-version]");
  detail.parameters.seen = Array.from(fragments, (each) => `${each.id}:${each.dataset.version}`).join(" ");
});

// Whoever comes back to the page sees what has happened since, and whoever stays what scripts bring, within a minute.
const lookAgain = () => {
  if (document.visibilityState === "visible") htmx.trigger(document.body, "usage-changed");
};
document.addEventListener("visibilitychange", lookAgain);
window.addEventListener("pageshow", ({ persisted }) => persisted && lookAgain());
setInterval(lookAgain, 60_000);

let isFollowing = false; // what arrives was not asked for by a click

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  isFollowing = detail.requestConfig.elt.id === "live";
});

document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
  const field = document.activeElement;
  const isTypedIn = field.matches("input, select") && field.closest("[data-version]") === detail.target;
  const isThere = detail.target.id === "files" && document.getElementById(detail.fragment.querySelector("li")?.id);
  const isRefused = detail.target.querySelector?.("[aria-invalid]");
  // Whoever types keeps what they typed and what was said of it, and a row that two answers bring is added once; the next
  // answer brings the rest.
  if (((isTypedIn || isRefused) && isFollowing) || isThere) detail.shouldSwap = false;
});

// Whoever answers by keyboard goes on at the row that is swapped under them, and not at the top of the page.
// Where that row is put away, they go on at its neighbour, or at the heading.
document.addEventListener("htmx:oobBeforeSwap", ({ detail: { shouldSwap, target } }) => {
  if (!shouldSwap || !target.contains(document.activeElement)) return;
  const places = [target, target.nextElementSibling, target.previousElementSibling].map((each) => each?.id);
  setTimeout(() => {
    if (document.activeElement !== document.body) return; // what has an id of its own keeps the focus
    const rows = [...places, "add-title", "instances-title"].map((id) => id && document.getElementById(id));
    const row = rows.find((each) => each?.checkVisibility() && each.offsetHeight);
    if (!row) return;
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
  });
});
