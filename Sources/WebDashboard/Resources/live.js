// The stream of overviews. It is open only while the page is seen: a browser allows six connections to one server, and
// nobody needs figures that nobody looks at.

/**
 * Calls `onOverview` with each overview and `onState` with whether the server is heard.
 */
export function watch(onOverview, onState) {
  let source;

  function open() {
    source = new EventSource("/v1/live");
    source.addEventListener("overview", (event) => {
      onState(true);
      onOverview(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      onState(false);
      // An answer that is no stream ends it for good, as after a restart of the server: the page asks who it is.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
    });
  }

  function close() {
    source?.close();
    source = undefined;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else if (!source) open();
  });
  addEventListener("pagehide", close);
  if (!document.hidden) open();
}
