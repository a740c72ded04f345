// The button of a page to print.
document.querySelector("[data-print]").addEventListener("click", () => window.print());
