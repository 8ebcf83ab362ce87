// What this browser keeps. Where it may keep nothing, or its room is full, the pages work without.

/** Kept for good. */
export const browser = storage(() => localStorage);
/** Kept as long as the tab is open, through reloads. */
export const tab = storage(() => sessionStorage);

function storage(place) {
  const tried = (work) => {
    try {
      return work(place());
    } catch {
      return null;
    }
  };
  return {
    get: (name) => tried((kept) => kept.getItem(name)),
    /** Returns whether there was room. */
    set: (name, text) => tried((kept) => { kept.setItem(name, text); return true; }) ?? false,
    remove: (name) => tried((kept) => kept.removeItem(name)),
    /** What was kept as JSON, null for what is none. */
    json: (name) => tried((kept) => JSON.parse(kept.getItem(name))),
  };
}
