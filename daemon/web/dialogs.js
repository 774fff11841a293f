// Questions to the person: a modal <dialog>, which keeps the focus inside and closes on Escape.
import { token } from "./api.js";
import { h, setText } from "./dom.js";

// Asks before something is done, does it (`act` returns a promise of the sentence to show), and says
// what came of it. Asks for the token first if there is none.
export function confirmAction({ title, text, button, danger = false, fields = [], act }) {
  const said = h("p", { class: "said", role: "status", "aria-live": "polite" });
  const tokenField = h("input", {
    type: "password", autocomplete: "off", spellcheck: "false", value: token.get(), required: true,
  });
  const go = h("button", { type: "submit", class: danger ? "danger" : "primary" }, button);
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const form = h("form", { method: "dialog" }, h("h2", {}, title), h("p", {}, text), ...fields,
    h("label", {}, "Token (admin.token_file)", tokenField), said,
    h("div", { class: "buttons" }, close, go));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    token.set(tokenField.value.trim());
    go.disabled = true;
    said.className = "said";
    setText(said, "Asking the daemon …");
    try {
      setText(said, await act());
      said.classList.add("good");
      go.hidden = true;
      setText(close, "Close");
      close.focus();
    } catch (error) {
      setText(said, error.message);
      said.classList.add("bad");
      go.disabled = false;
      if (error.status === 401) {
        tokenField.focus();
        tokenField.select();
      }
    }
  });
  const dialog = open(form);
}

export function askToken() {
  const field = h("input", { type: "password", autocomplete: "off", spellcheck: "false", value: token.get() });
  const form = h("form", { method: "dialog" }, h("h2", {}, "Token for actions"),
    h("p", {}, "The content of admin.token_file. It is kept for this tab, until it is closed; looking needs none."),
    h("label", {}, "Token", field),
    h("div", { class: "buttons" },
      h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      h("button", { type: "submit", class: "primary" }, "Keep")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    token.set(field.value.trim());
    dialog.close();
  });
  const dialog = open(form);
}

function open(form) {
  const heading = form.querySelector("h2");
  heading.id = "dialog-title";
  const dialog = h("dialog", { "aria-labelledby": heading.id }, form);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
