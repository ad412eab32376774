// Shows an email as it is written, in a frame that can neither run nor load anything.
"use strict";

(() => {
  const WAIT_MS = 600;
  for (const form of document.querySelectorAll("form[data-preview]")) {
    let timer = 0;
    const show = () => {
      clearTimeout(timer);
      // Not requestSubmit: what is not filled in yet is no reason to show nothing.
      timer = setTimeout(() => form.submit(), WAIT_MS);
    };
    form.addEventListener("input", (event) => {
      if (event.target.matches("textarea")) show();
    });
    if ([...form.querySelectorAll("textarea")].some((area) => area.value)) show();
  }
})();
