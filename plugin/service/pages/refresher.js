// What happens elsewhere is seen on a view by itself, as long as somebody looks.

/** Return what plans the next `load` in `pause()` milliseconds; it goes on until `section` is left, and again on return. */
export function refresher(section, load, pause) {
  let timer;
  const soon = () => {
    clearTimeout(timer);
    if (section.hidden || document.hidden) return;
    timer = setTimeout(async () => {
      // That Orthanc does not answer stands at the top of the page already.
      await load().catch(() => undefined);
      soon();
    }, pause());
  };
  document.addEventListener('visibilitychange', soon);
  return soon;
}
