// The page of the REST API: Swagger UI, out of the installed package, on our description.

const place = document.getElementById("docs");
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");

// Swagger UI is dark by a class; ours is the choice in the bar, or the machine's.
const follow = () => {
  const { theme } = root.dataset;
  root.classList.toggle("dark-mode", theme === "dark" || (theme !== "light" && dark.matches));
};
follow();
dark.addEventListener("change", follow);
new MutationObserver(follow).observe(root, { attributeFilter: ["data-theme"] });

window.SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: -1,
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
