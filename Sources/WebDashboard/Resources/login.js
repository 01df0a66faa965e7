// Logs in with the token from the link, or with the one that is typed. It is sent once, and kept nowhere.

const form = document.getElementById("form");
const field = document.getElementById("token");
const problem = document.getElementById("problem");

async function logIn(token) {
  problem.textContent = "";
  const response = await fetch("/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (response.ok) return location.replace("/");
  try {
    problem.textContent = (await response.json()).error.message;
  } catch {
    problem.textContent = `The server answered with status ${response.status}.`;
  }
  field.select();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  logIn(field.value.trim());
});

/** The part after # never leaves the browser. It is taken out of the address, so that no history keeps it. */
function logInByAddress() {
  const token = location.hash.slice(1);
  if (!token) return;
  history.replaceState(null, "", "/login");
  logIn(token);
}

// Also when a link is pasted into a page that waits for one.
addEventListener("hashchange", logInByAddress);
logInByAddress();
