// Small comforts; every page works without them. Sending once, counting down, going back from an error.
"use strict";
// Says `words` with the seconds in the place of # until none is left, then calls `then`.
const count = (seconds, say, then) => {
  const end = Date.now() + seconds * 1000;
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left <= 0) { then(); return; }
    say(left);
    setTimeout(tick, 250);
  };
  tick();
};
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
  });
  const seconds = Number(form.dataset.reading || 0);
  const button = form.querySelector("#confirm");
  const line = form.querySelector("#reading");
  if (button && line && seconds > 0) {
    const { words, done } = line.dataset;
    line.removeAttribute("role"); // each second is for the eyes, the end is for all
    button.disabled = true;
    count(seconds + 0.2, (left) => { line.textContent = words.replace("#", left); }, () => {
      button.disabled = false;
      line.setAttribute("role", "status");
      line.textContent = done;
    });
  }
}
const again = document.querySelector("#send-code[data-wait]");
if (again) {
  const { words } = again.dataset;
  const label = again.textContent;
  again.disabled = true;
  count(Number(again.dataset.wait), (left) => { again.textContent = words.replace("#", left); }, () => {
    again.disabled = false;
    again.textContent = label;
  });
}
const look = document.querySelector("[data-look]");
if (look) setTimeout(() => { location.reload(); }, Number(look.dataset.look) * 1000);
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-once]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  }
});
for (const button of document.querySelectorAll("[data-back]")) {
  if (history.length > 1) {
    button.hidden = false;
    button.addEventListener("click", () => history.back());
  }
}
document.querySelector(".error-summary")?.focus();
