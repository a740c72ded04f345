// The keyboard of the list of licenses: "/" to the search, arrows from there through the people.

const search = document.getElementById("q");

// Whoever comes back to the page as it was finds the search in it. Safari then resets what has autocomplete="off".
search?.addEventListener("input", () => (search.defaultValue = search.value));

// A download leaves the page as it is, and so would the menu stay.
document.addEventListener("click", ({ target }) => target.closest(".menu[popover] a")?.closest("[popover]").hidePopover());

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const at = document.activeElement;
  const isWriting = at.matches("input, select, textarea");
  if (event.key === "/" && !isWriting && search) {
    event.preventDefault();
    search.focus();
    search.select();
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || (isWriting && at !== search)) return;
  const people = Array.from(document.querySelectorAll("#licenses .who a"));
  const here = people.indexOf(at);
  if (here < 0 && at !== search) return; // the page scrolls as ever
  event.preventDefault();
  (people[here + step] ?? (step < 0 ? search : at)).focus();
});
