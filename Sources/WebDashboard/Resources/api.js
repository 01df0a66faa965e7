// Asks the server. Everything goes to where the page came from, with the cookie of the session.

async function request(path, options = {}) {
  const response = await fetch(`/v1/${path}`, { ...options, credentials: "same-origin", redirect: "error" });
  if (response.status === 401) {
    location.assign("/login");
    throw new Error("The session is over.");
  }
  if (response.ok) return response;
  let message = `The server answered with status ${response.status}.`;
  try { message = (await response.json()).error.message; } catch { /* The status has to do. */ }
  throw new Error(message);
}

/** What the server says at a path, with parameters. */
export async function get(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined && value !== ""));
  // The server takes a plus for a plus, as addresses do; only forms write a space like that.
  return (await request(query.size > 0 ? `${path}?${query.toString().replaceAll("+", "%20")}` : path)).json();
}

export async function text(path) { return (await request(path)).text(); }

/** Has the server do something; returns what it says, if anything. */
export async function post(path, body) {
  const response = await request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return response.status === 204 ? undefined : response.json();
}

/** A name as a part of a path. */
export const part = encodeURIComponent;
