// A page of ours inside a page of the shop: it tells that page, and nobody else, how tall it is and what has happened.
// No message says who the shopper is, what it costs or opens anything. Without this script every form works as before.
"use strict";
(() => {
  const around = document.querySelector("meta[name=fenqi-frame]");
  if (!around || parent === window) return;
  const { parent: origin, channel } = around.dataset;
  const tell = (type, more) => { parent.postMessage({ v: 1, channel, type, ...more }, origin); };
  const checkout = location.pathname.split("/")[2];
  const status = document.querySelector("[data-status]")?.dataset.status;
  const leave = document.querySelector("[data-leave]");
  const done = status && status !== "deciding" && status !== "canceled";
  const end = () => { if (done) tell("complete", { status, checkout_id: checkout }); else tell("cancel"); };

  tell("ready");
  const wrong = document.querySelector("[data-error]")?.dataset.error;
  if (wrong) tell("error", { code: wrong });
  if (status === "canceled") tell("cancel");
  const measure = () => {
    const parts = [...document.body.children].filter((part) => !part.matches(".skip"));
    tell("resize", { height: Math.ceil(Math.max(...parts.map((part) => part.getBoundingClientRect().bottom)) + scrollY) });
  };
  const watch = new ResizeObserver(measure);
  for (const part of document.body.children) watch.observe(part);

  addEventListener("message", (event) => {
    if (event.source !== parent || event.origin !== origin) return;
    const said = event.data;
    if (said?.v === 1 && said.channel === channel && said.type === "close") end();
  });
  leave?.addEventListener("click", (event) => { event.preventDefault(); end(); });
  const again = document.querySelector("[data-again]");
  if (again) setTimeout(() => { document.querySelector("#again").click(); }, again.dataset.again * 1000);

  // Where the browser can tell that something lies over the button, a press of it does not conclude anything.
  const confirm = document.querySelector("#confirm"), covered = document.querySelector("#covered");
  if (!confirm || !covered || !("isVisible" in IntersectionObserverEntry.prototype)) return;
  let seen = false;
  new IntersectionObserver((entries) => { seen = entries.at(-1).isVisible; }, { threshold: 1, trackVisibility: true, delay: 100 }).observe(confirm);
  confirm.form.addEventListener("submit", (event) => {
    if (seen) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    covered.hidden = false;
    covered.scrollIntoView({ block: "nearest" });
  }, true);
})();
