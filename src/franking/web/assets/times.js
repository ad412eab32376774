// Shows every <time datetime> in the viewer's own zone, with the exact one on hover. The server's
// text, in UTC, stays for who has no scripts. A part that is loaded anew is put right before it is
// painted: a MutationObserver is called before that.
"use strict";

(() => {
  const sameDay = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
  const sameYear = new Intl.DateTimeFormat(undefined, {
    day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
  });
  const otherYear = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

  function shown(at, now) {
    if (at.toDateString() === now.toDateString()) return sameDay.format(at);
    return (at.getFullYear() === now.getFullYear() ? sameYear : otherYear).format(at);
  }

  function localise() {
    const now = new Date();
    for (const element of document.querySelectorAll("time[datetime]")) {
      const given = element.getAttribute("datetime");
      const at = new Date(given);
      if (Number.isNaN(at.getTime())) continue;
      const words = shown(at, now);
      const title = `${exact.format(at)} (${given})`;
      if (element.textContent !== words) element.textContent = words;
      if (element.title !== title) element.title = title;
    }
  }

  const options = { childList: true, subtree: true, characterData: true };
  const observer = new MutationObserver(() => {
    observer.disconnect();
    localise();
    observer.observe(document.body, options);
  });
  localise();
  observer.observe(document.body, options);
})();
