// Shows the API document with Swagger UI: nothing is remembered, nothing is asked of another host.
document.documentElement.classList.toggle("dark-mode", matchMedia("(prefers-color-scheme: dark)").matches);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
  document.documentElement.classList.toggle("dark-mode", event.matches);
});
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 2,
  filter: false,
  persistAuthorization: false,
  syntaxHighlight: { activated: true, theme: "nord" },
  tryItOutEnabled: true,
  validatorUrl: null,
});
