// Shows the API document with Redoc, in the colours of the page; redrawn when the system's theme changes.
const nonce = document.currentScript.nonce;
const dark = matchMedia("(prefers-color-scheme: dark)");

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function draw() {
  const text = colour("text");
  const code = colour("code");
  Redoc.init(
    "openapi.json",
    {
      nonce,
      disableSearch: false,
      hideDownloadButton: true,
      hideHostname: true,
      expandResponses: "200,201",
      jsonSampleExpandLevel: 4,
      nativeScrollbars: true,
      pathInMiddlePanel: true,
      requiredPropsFirst: true,
      scrollYOffset: 0,
      theme: {
        spacing: { sectionVertical: 24 },
        colors: {
          primary: { main: colour("link") },
          success: { main: colour("ok") },
          warning: { main: colour("warn") },
          error: { main: colour("bad") },
          gray: { 50: colour("canvas"), 100: colour("sunken") },
          border: { light: colour("line"), dark: colour("line") },
          text: { primary: colour("ink"), secondary: colour("ink-2") },
          responses: {
            success: { color: colour("ok"), backgroundColor: colour("ok-bg") },
            error: { color: colour("bad"), backgroundColor: colour("bad-bg") },
          },
        },
        schema: {
          linesColor: colour("line"),
          nestedBackground: colour("canvas"),
          typeNameColor: colour("ink-3"),
          typeTitleColor: colour("ink-3"),
          requireLabelColor: colour("bad"),
        },
        sidebar: { width: "240px", backgroundColor: colour("surface"), textColor: colour("ink-2"), activeTextColor: colour("ink") },
        rightPanel: { backgroundColor: "#1a1d20", textColor: "#ecebe6", width: "42%" },
        codeBlock: { backgroundColor: "#0d0f10" },
        typography: {
          fontSize: "14px",
          lineHeight: "1.5",
          fontFamily: text,
          headings: { fontFamily: text, fontWeight: "600" },
          code: { fontFamily: code, fontSize: "13px", color: colour("ink"), backgroundColor: colour("sunken") },
          links: { color: colour("link"), visited: colour("link"), hover: colour("link") },
        },
      },
    },
    document.getElementById("redoc"),
  );
}

draw();
dark.addEventListener("change", () => location.reload());
