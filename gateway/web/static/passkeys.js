// Forms with data-passkey ask the browser for a passkey and send its answer in the field "credential".
// Without a browser that can, they stay hidden.
"use strict";
{
  const able = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!able) continue;
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      const asked = JSON.parse(form.dataset.options);
      button.disabled = true;
      try {
        const answer = form.dataset.passkey === "create"
          ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) })
          : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
        form.elements.credential.value = JSON.stringify(answer);
        form.submit();
      } catch (error) {
        // The person closed the browser's question, or the device knows no passkey for this site: both may try again.
        console.info("passkey:", error.name);
        button.disabled = false;
      }
    });
  }
}
