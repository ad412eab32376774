// What pages do beside htmx: look again, show dialogs, dismiss toasts.
"use strict";

(() => {
  const LOOK_EVERY_MS = 2000;
  const TOAST_MS = 10000;
  const modal = document.getElementById("modal");
  const dialog = document.getElementById("dialog");
  const toasts = document.getElementById("toasts");

  // Parts that may have changed ask for themselves again, while somebody can see them.
  setInterval(() => {
    if (!document.hidden) htmx.trigger(document.body, "look");
  }, LOOK_EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) htmx.trigger(document.body, "look");
  });

  // A page that the browser had put aside, as it was: whoever looks may have signed out meanwhile.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) htmx.trigger(document.body, "look");
  });

  // htmx binds what it swapped in a moment later; who presses sooner would have the browser send the
  // form, with all that is written in it, to this page's address.
  for (const press of ["click", "submit"]) {
    document.addEventListener(press, (event) => {
      const bound = event.target.closest?.("[hx-get], [hx-post]");
      if (bound) htmx.process(bound);
    }, true);
  }

  // What a viewer has opened stays open: the server does not know of it.
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
    !(name === "open" && element.localName === "details");

  // An empty field of a search says nothing: it is left out, so that links stay short.
  document.body.addEventListener("htmx:configRequest", (event) => {
    if (!event.target.matches?.("form[data-bare]")) return;
    const { parameters } = event.detail;
    for (const name of Object.keys(parameters)) {
      if (parameters[name] === "") delete parameters[name];
    }
  });

  // A dialog opens when something was loaded into it, and closes when the server says so.
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== dialog || !dialog.childElementCount || modal.open) return;
    modal.showModal();
    // What is said meanwhile is said in front of the dialog, not behind it.
    modal.append(toasts);
  });
  document.body.addEventListener("close-dialog", () => modal.close());
  modal.addEventListener("close", () => document.body.append(toasts));
  // What was done is looked at at once; only after its own request, which would hold up the look.
  document.body.addEventListener("changed", () => {
    setTimeout(() => htmx.trigger(document.body, "look"), 0);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-close]")) modal.close();
    event.target.closest?.("[data-dismiss]")?.closest(".toast")?.remove();
  });

  // Good news goes by itself; what went wrong stays until it was read.
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const added of change.addedNodes) {
        if (added.nodeType === 1 && added.matches(".good")) setTimeout(() => added.remove(), TOAST_MS);
      }
    }
  }).observe(toasts, { childList: true });

  // Without an answer, somebody must be told: htmx itself says nothing.
  function unheard() {
    const toast = document.createElement("div");
    toast.className = "toast bad";
    const words = document.createElement("p");
    words.textContent = "franking did not answer. Look whether it is running, then try again.";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    button.dataset.dismiss = "";
    button.setAttribute("aria-label", "Dismiss this message");
    button.textContent = "×";
    toast.append(words, button);
    toasts.append(toast);
  }
  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    document.body.addEventListener(name, (event) => {
      document.body.classList.toggle("unreached", true);
      // A look that fails is tried again by itself; a press of a button is not.
      if (event.detail.requestConfig?.triggeringEvent?.type !== "look") unheard();
    });
  }
  document.body.addEventListener("htmx:afterOnLoad", (event) => {
    if (event.detail.xhr.status < 500) document.body.classList.toggle("unreached", false);
  });
})();
