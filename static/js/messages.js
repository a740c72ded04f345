// Messages: put one away, copy a link out of one, and say so when a piece of the page could not be fetched.
document.addEventListener("click", (event) => {
  const message = event.target.closest("[data-dismiss]")?.closest(".flash");
  if (message) putAway(message);
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

/** Whoever works by keyboard goes on at the heading: the focus would fall back to the beginning of the page. */
function putAway(message) {
  message.remove();
  const heading = document.querySelector("main h1");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  field.select();
  // The clipboard is closed to pages on plain http; the old command still works there.
  if (navigator.clipboard) await navigator.clipboard.writeText(field.value);
  else document.execCommand("copy");
  button.focus(); // select() has taken it away
  button.querySelector("[data-word]").textContent = button.dataset.copied;
}

// What a click in the middle of the page is told stands at its top.
document.addEventListener("htmx:oobAfterSwap", ({ detail }) => {
  if (detail.target.id === "messages") document.getElementById("messages").scrollIntoView({ block: "nearest" });
});

const [unreachable, gone] = ["unreachable", "gone"].map((id) => document.getElementById(id));
for (const event of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(event, ({ detail }) => {
    const told = [404, 410].includes(detail.xhr.status) ? gone : unreachable;
    if (!told?.hidden) return; // it is said already; whoever works further down is not called to the top again
    told.hidden = false;
    told.scrollIntoView({ block: "nearest" });
  });
}
document.addEventListener("htmx:afterOnLoad", ({ detail }) => {
  if (detail.successful) for (const told of [unreachable, gone]) told?.setAttribute("hidden", "");
});

// Whoever sent a form that was refused goes on where something is wrong with it.
document.querySelector("[aria-invalid='true']")?.focus();
document.addEventListener("htmx:load", ({ detail }) => {
  detail.elt.querySelector("[aria-invalid='true']")?.focus();
});
