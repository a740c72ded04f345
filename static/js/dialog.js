// A menu or the drawer that the focus has left covers what it went to.
document.addEventListener("focusout", ({ target, relatedTarget }) => {
  const open = target.closest("[popover]:popover-open");
  if (open && relatedTarget && !open.contains(relatedTarget) && relatedTarget.getAttribute("popovertarget") !== open.id) open.hidePopover();
});

// A link with hx-target="#dialog" opens its page as a dialog; without script it is a page of its own.
const dialog = document.getElementById("dialog");

let opener;

dialog?.addEventListener("htmx:afterSwap", ({ detail }) => {
  opener = detail.requestConfig.elt;
  if (!dialog.open) dialog.showModal();
});

// The browser gives the focus back to what opened it; where that is in a menu, which has closed, to the menu's button.
dialog?.addEventListener("close", () => {
  const menu = opener?.closest("[popover]");
  if (menu) document.querySelector(`[popovertarget="${menu.id}"]`)?.focus();
});

dialog?.addEventListener("click", (event) => {
  const cancels = event.target.closest("[data-close]");
  if (!cancels && event.target !== dialog) return; // the dialog itself is hit only beside its content
  event.preventDefault();
  dialog.close();
});
