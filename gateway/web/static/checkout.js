// Small comforts; every page works without them. Sending once, waiting out the reading time, going back to the shop.
"use strict";
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
  });
  const seconds = Number(form.dataset.reading || 0);
  const button = form.querySelector("#confirm");
  if (button && seconds > 0) {
    button.disabled = true;
    setTimeout(() => { button.disabled = false; }, seconds * 1000 + 200);
  }
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-once]")) delete form.dataset.sent;
});
document.querySelector(".error-summary")?.focus();
const back = document.querySelector("[data-return]");
if (back && !matchMedia("(prefers-reduced-motion: reduce)").matches) setTimeout(() => { location.assign(back.href); }, 5000);
