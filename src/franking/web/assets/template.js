// A template that is being written: what is not saved yet is said, and not left without a question.
"use strict";

(() => {
  const form = document.getElementById("template");
  const save = document.getElementById("save");
  const unsaved = document.getElementById("unsaved");
  if (!save) return;

  const written = () =>
    JSON.stringify([...new FormData(form)].filter(([name]) => name !== "match"));
  let saved = written();
  let sent = saved;
  let leaving = false;

  function tell() {
    const words = written() === saved ? "" : "Not saved yet";
    if (unsaved.textContent !== words) unsaved.textContent = words;
  }

  form.addEventListener("input", tell);
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.matches("#save, #over")) sent = written();
    if (event.target.matches("[data-leaves]")) leaving = true;
  });
  document.body.addEventListener("saved", () => {
    saved = sent;
    tell();
  });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.xhr.getResponseHeader("HX-Redirect")) leaving = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && written() !== saved) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== "s") return;
    event.preventDefault();
    if (!document.querySelector("dialog[open]") && !save.disabled) save.click();
  });
})();
