// Suggests the slug while the name is typed, until somebody types a slug of their own.
const slug = document.querySelector("[data-slug-from]");
const name = slug && document.getElementById(slug.dataset.slugFrom);
let untouched = slug?.value === "";

slug?.addEventListener("input", () => (untouched = slug.value === ""));
name?.addEventListener("input", () => {
  if (!untouched) return;
  const letters = name.value.normalize("NFKD").replace(/\p{Mn}/gu, "").toLowerCase();
  slug.value = letters.replace(/[^a-z0-9]+/g, "-").slice(0, 60).replace(/^-+|-+$/g, "");
});
