// Whoever is not signed in any more is led to the sign-in. Not from a page on which they have typed
// something: it would be lost. There a message says so, until they have signed in elsewhere.
"use strict";

(() => {
  const toasts = document.getElementById("toasts");
  const ID = "signed-out";

  function typed() {
    const fields = document.querySelectorAll("textarea, input[type=text]");
    return [...fields].some(
      (field) => field.value !== field.defaultValue && !field.closest("dialog:not([open])"),
    );
  }

  function tell(address) {
    if (document.getElementById(ID)) return;
    const toast = document.createElement("div");
    toast.id = ID;
    toast.className = "toast bad";
    const words = document.createElement("p");
    words.textContent = "You are not signed in any more, so nothing was sent or changed.";
    const next = document.createElement("span");
    next.className = "next";
    const link = document.createElement("a");
    link.href = address;
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = "Sign in in another window";
    next.append("What you typed is still here. ", link, ", then go on here.");
    words.append(next);
    toast.append(words);
    toasts.append(toast);
  }

  document.body.addEventListener("htmx:beforeOnLoad", (event) => {
    const address = event.detail.xhr.getResponseHeader("HX-Redirect");
    if (!address?.startsWith("/sign-in?")) {
      document.getElementById(ID)?.remove();
    } else if (typed()) {
      event.preventDefault();
      tell(address);
    }
  });
})();
