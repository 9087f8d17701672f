// Which URLs may become links: absolute http(s) ones, and paths of this origin.

/**
 * The URL to put into href, or null where it must stay text.
 *
 * Refused: every other scheme, protocol-relative and page-relative references, and URLs with a user name
 * (https://bank.example@evil.example), which only serve to mislead.
 */
export function safeHref(reference, anchor = "") {
  if (typeof reference !== "string") return null;
  const absolute = /^https?:\/\//i.test(reference);
  const path = /^\/(?![/\\])/.test(reference);
  if (!absolute && !path) return null;
  let url;
  try {
    url = new URL(reference, window.location.origin);
  } catch {
    return null;
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return null;
  if (url.username !== "" || url.password !== "") return null;
  if (path && url.origin !== window.location.origin) return null;
  if (typeof anchor === "string" && anchor !== "") url.hash = anchor;
  return url.href;
}

/** What every link out of an answer carries. */
export function linkAttributes(href) {
  return { href, target: "_blank", rel: "noopener noreferrer", title: href };
}
