// The switch in the top bar: at once on this page, and in the cookie from which the server writes the next one.
document.addEventListener("change", ({ target }) => {
  if (target.name !== "theme") return;
  document.documentElement.dataset.theme = target.value;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${target.value}; path=/; max-age=31536000; samesite=lax${secure}`;
});
