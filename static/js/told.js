// What became of a file or a job is told to screen readers when it arrives, once; nothing else of what moves is.
let known = outcomes();

document.addEventListener("htmx:afterRequest", () => {
  const now = outcomes();
  const news = Array.from(now).filter(([name]) => !known.has(name));
  if (news.length) document.getElementById("told").textContent = news.map(([, sentence]) => sentence).join(" ");
  known = now;
});

/** Sentences by the name of their outcome. A file's job is named at the file and at its instance; the first one counts. */
function outcomes() {
  const marked = Array.from(document.querySelectorAll("[data-outcome]")).reverse();
  return new Map(marked.map(({ dataset }) => [dataset.outcome, dataset.sentence]));
}
