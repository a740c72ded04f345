// Whoever clicks again while the answer is on its way has sent the form once. After a while they mean it.
const PATIENCE = 10_000; // milliseconds

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return; // htmx sends its own
  if ("sent" in form.dataset) return event.preventDefault();
  form.dataset.sent = "";
  setTimeout(() => delete form.dataset.sent, PATIENCE);
});
