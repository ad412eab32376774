// Puts a template's parts into the email that is being written, as if they had been typed.
"use strict";

(() => {
  const form = document.getElementById("letter");
  document.body.addEventListener("filled", () => {
    const filled = document.getElementById("filled");
    for (const part of filled.querySelectorAll("textarea")) {
      const field = form.elements[part.dataset.for];
      field.value = part.value;
      const details = field.closest("details");
      if (details && part.value) details.open = true;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    filled.replaceChildren();
  });
})();
