// Shows an email as it is written, in a frame that can neither run nor load anything.
//
// Each view is loaded into a frame of its own, which takes the place of the one before it when it is
// there: the old view stays until then, and for good where the server says that there is nothing to
// show (204); and "Back" does not lead through them.
//
// A form with data-preview="EVENT" has its words first: "preview" is triggered on #trouble, and what
// the server says with EVENT tells whether there is HTML to show.
"use strict";

(() => {
  const WAIT_MS = 400;
  for (const form of document.querySelectorAll("form[data-preview]")) {
    const name = form.target;
    const said = form.dataset.preview;
    let frame = document.querySelector(`iframe[name="${name}"]`);
    let coming = null;
    let timer = 0;
    let views = 0;

    const show = () => {
      coming?.remove();
      const fresh = frame.cloneNode();
      // A name of its own: a window keeps the first that its frame had.
      views += 1;
      fresh.name = `${name}-${views}`;
      fresh.hidden = true;
      coming = fresh;
      frame.after(fresh);
      fresh.addEventListener("load", () => {
        if (coming !== fresh) return;
        frame.remove();
        fresh.name = name;
        fresh.hidden = false;
        frame = fresh;
        coming = null;
      });
      form.target = fresh.name;
      // Not requestSubmit: what is not filled in yet is no reason to show nothing.
      form.submit();
    };
    const look = () => {
      clearTimeout(timer);
      timer = setTimeout(said ? () => htmx.trigger("#trouble", "preview") : show, WAIT_MS);
    };

    if (said) {
      document.body.addEventListener(said, (event) => {
        if (event.detail.html) {
          show();
        } else {
          coming?.remove();
          coming = null;
          frame.hidden = true;
        }
      });
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      look();
    });
    form.addEventListener("input", (event) => {
      if (said || event.target.matches("textarea")) look();
    });
    if ([...form.querySelectorAll("textarea")].some((area) => area.value)) look();
  }
})();
