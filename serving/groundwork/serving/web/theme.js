// Sets the theme before the first paint: a classic script in the head, so that the page never flashes.
// Without a stored choice the page follows the system. It also takes back the note that scripts are needed.

(() => {
  const ITEM = "groundwork-theme";
  const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

  const stored = () => {
    try {
      const theme = window.localStorage.getItem(ITEM);
      return theme === "dark" || theme === "light" ? theme : null;
    } catch {
      return null; // storage is switched off: the choice lasts as long as the page
    }
  };

  let chosen = stored();
  const system = () => (systemDark.matches ? "dark" : "light");
  const apply = () => {
    const theme = chosen ?? system();
    if (chosen === null) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    const toggle = document.getElementById("theme");
    if (toggle !== null) toggle.setAttribute("aria-pressed", String(theme === "dark"));
  };

  const flip = () => {
    const next = (chosen ?? system()) === "dark" ? "light" : "dark";
    chosen = next === system() ? null : next;
    try {
      if (chosen === null) window.localStorage.removeItem(ITEM);
      else window.localStorage.setItem(ITEM, chosen);
    } catch {
      // As above.
    }
    apply();
  };

  document.documentElement.classList.add("scripted");
  apply();
  systemDark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", flip);
  });
})();
