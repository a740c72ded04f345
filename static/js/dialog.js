// A link with hx-target="#dialog" opens its page as a dialog; without script it is a page of its own.
const dialog = document.getElementById("dialog");

dialog?.addEventListener("htmx:afterSwap", () => {
  if (!dialog.open) dialog.showModal();
});

dialog?.addEventListener("click", (event) => {
  const cancels = event.target.closest("[data-close]");
  if (!cancels && event.target !== dialog) return; // the dialog itself is hit only beside its content
  event.preventDefault();
  dialog.close();
});
