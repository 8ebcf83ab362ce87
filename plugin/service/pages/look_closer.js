// What a small picture is too small to decide: the service tells of most such pictures, of the
// others once a confirmation of them is refused.

const refused = new Set();

/** Take note of the pictures whose sides contradict each other, among {instance: why}. */
export function noteRefused(failed) {
  for (const [instance, why] of Object.entries(failed)) {
    if (/marker and header name different sides/.test(why)) refused.add(instance);
  }
}

/** The items of a sheet, with what was refused among them. */
export function lookedCloserAt(items) {
  return items.map((item) => (refused.has(item.instance) ? { ...item, look_closer: true } : item));
}
