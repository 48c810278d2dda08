'use strict';
{
  // Comfort only: without it everything is there, as of when the page was asked for.
  const EVERY = 15_000;
  const typing = (element) => /^(INPUT|SELECT|TEXTAREA)$/.test(element?.tagName);

  // Nothing moves under the hands of somebody who is in the middle of something.
  const busy = (live) =>
    document.hidden ||
    live.contains(document.activeElement) ||
    live.querySelector('details[open]') ||
    String(getSelection());

  const refresh = async () => {
    const live = document.getElementById('live');
    if (busy(live)) return;
    const answer = await fetch(location.href, { cache: 'no-store' });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const next = page.getElementById('live');
    if (next && !busy(live)) live.replaceWith(document.adoptNode(next));
  };
  // While the exporter is restarting, the page stays as it is, and says as of when.
  setInterval(() => refresh().catch(() => {}), EVERY);

  addEventListener('keydown', (event) => {
    const plain = event.key === '/' && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (!plain || typing(document.activeElement)) return;
    event.preventDefault();
    document.getElementById('q').select();
  });
}
