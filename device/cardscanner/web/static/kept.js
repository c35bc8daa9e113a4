// What this browser remembers; one that remembers nothing is no mistake.

export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Then it counts until the page is closed.
  }
}
