// Trades a token for a cookie that no script can read.

import { byId, setText } from "./element.js";

document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const response = await fetch("/api/sign-in", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token: byId("token").value.trim() }),
  }).catch(() => null);
  if (response?.ok) {
    location.href = "/";
    return;
  }
  byId("word").className = "bad";
  setText(byId("word"), response ? "This token is not known." : "The page cannot be reached.");
});
