// Light, dark or as the system: kept in this browser.
import { setAttribute } from "./dom.js";

const KEY = "remapd.theme";
const NEXT = { system: "light", light: "dark", dark: "system" };
const SIGN = { system: "◐", light: "☀", dark: "☾" };
const TOLD = { system: "as the system", light: "light", dark: "dark" };

export function themeButton(button) {
  let theme = localStorage.getItem(KEY) ?? "system";
  if (!(theme in NEXT)) theme = "system";
  const show = () => {
    setAttribute(document.documentElement, "data-theme", theme === "system" ? null : theme);
    button.textContent = SIGN[theme];
    button.title = `Colours: ${TOLD[theme]}`;
    setAttribute(button, "aria-label", button.title);
  };
  button.addEventListener("click", () => {
    theme = NEXT[theme];
    localStorage.setItem(KEY, theme);
    show();
  });
  show();
}
