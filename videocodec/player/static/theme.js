// Dark or light: as the system has it, unless the person chose.

export function followTheme() {
  const chosen = localStorage.getItem("videocodec-theme");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => (document.documentElement.dataset.theme = dark.matches ? "dark" : "light");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  else apply();
  dark.addEventListener("change", () => {
    localStorage.removeItem("videocodec-theme");
    apply();
    window.dispatchEvent(new Event("themechange"));
  });
}
