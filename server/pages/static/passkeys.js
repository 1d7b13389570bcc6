// Passkeys: asks the browser for what the server asks, and hands the answer back. Everything is checked there.
"use strict";

(() => {
  const ADDRESSES = {
    "sign-in": ["/login/passkey/question", "/login/passkey"],
    confirm: ["/account/confirm/passkey/question", "/account/confirm/passkey"],
    make: ["/account/passkeys/question", "/account/passkeys"],
  };
  const CANCELLED = "Nothing was used. Try again, or go on another way.";

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  const text = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");
  const listed = (known) => (known ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

  const make = async (options) => {
    const made = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: listed(options.excludeCredentials),
      },
    });
    return {
      id: made.id,
      rawId: text(made.rawId),
      type: made.type,
      response: {
        clientDataJSON: text(made.response.clientDataJSON),
        attestationObject: text(made.response.attestationObject),
        transports: made.response.getTransports?.() ?? [],
      },
    };
  };

  const show = async (options) => {
    const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: listed(options.allowCredentials) };
    const shown = await navigator.credentials.get({ publicKey });
    return {
      id: shown.id,
      rawId: text(shown.rawId),
      type: shown.type,
      response: {
        clientDataJSON: text(shown.response.clientDataJSON),
        authenticatorData: text(shown.response.authenticatorData),
        signature: text(shown.response.signature),
        userHandle: shown.response.userHandle ? text(shown.response.userHandle) : null,
      },
    };
  };

  const post = async (address, token, body) => {
    const answer = await fetch(address, {
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/json", "x-form-token": token },
      body: JSON.stringify(body),
    });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.detail);
    return told;
  };

  const ask = async (place) => {
    const { passkey: kind, token, next } = place.dataset;
    const [question, address] = ADDRESSES[kind];
    const options = await post(question, token, {});
    let answer;
    try {
      answer = await (kind === "make" ? make : show)(options);
    } catch (error) {
      throw new Error(error.name === "InvalidStateError" ? "This device holds a passkey of yours already." : CANCELLED);
    }
    const told = await post(address, token, kind === "make" ? { answer, name: place.querySelector("input").value } : { answer, next });
    location.assign(told.next);
  };

  if (!window.PublicKeyCredential) return;
  for (const place of document.querySelectorAll("[data-passkey]")) {
    const button = place.querySelector("button");
    const words = place.querySelector("[role=alert]");
    place.hidden = false;
    button.addEventListener("click", async () => {
      button.disabled = true;
      words.hidden = true;
      try {
        await ask(place);
      } catch (error) {
        words.textContent = error.message;
        words.hidden = false;
      }
      button.disabled = false;
    });
  }
})();
