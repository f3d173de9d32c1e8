// The menu opens at the entry of the page that is read, once the theme has given its first link the focus.
document.addEventListener("click", (click) => {
  if (!click.target.closest(".primary-toggle")) return;
  const menu = document.querySelector(".bd-sidebar-primary");
  const here = menu && menu.querySelector(".bd-docs-nav a.current");
  if (!here) return;
  const away = () => here.getBoundingClientRect().top - menu.getBoundingClientRect().top - menu.clientHeight / 3;
  setTimeout(() => { menu.scrollTop += away(); }, 200);
}, true);

// A link in the title of a solution leads away, and does not open the solution besides.
document.addEventListener("click", (click) => {
  if (click.target.closest(".admonition-title > a")) click.stopPropagation();
}, true);

// Which edition is shown: what the address asks for (?edition=quick), else what was chosen last, else the papers' scale.
// A script in the head has set it before the page was drawn.
const showEdition = (edition) => {
  if (edition === "quick") document.documentElement.dataset.edition = "quick";
  else delete document.documentElement.dataset.edition;
  for (const button of document.querySelectorAll(".editions button")) {
    button.setAttribute("aria-pressed", String(button.dataset.edition === edition));
  }
};
document.addEventListener("DOMContentLoaded", () => {
  for (const choice of document.querySelectorAll(".editions .switch")) choice.hidden = false;
  showEdition(document.documentElement.dataset.edition === "quick" ? "quick" : "full");
});
document.addEventListener("click", (click) => {
  const button = click.target.closest(".editions button");
  if (!button) return;
  const edition = button.dataset.edition;
  showEdition(edition);
  try { localStorage.setItem("edition", edition); } catch { /* a page opened as a file may keep nothing */ }
  const address = new URL(location.href);
  address.searchParams.set("edition", edition);
  try { history.replaceState(history.state, "", address); } catch { /* nor change its address */ }
});

// The card of what is pointed at: by mouse, by keyboard, or by a tap. Without it a link leads to the ledger.
document.addEventListener("DOMContentLoaded", () => {
  const source = document.getElementById("cards");
  const cards = source ? JSON.parse(source.textContent) : {};
  const quoted = { paper: "Quoted from the paper, not measured here.", given: "Chosen here, not measured." };
  const points = "article a.number, article a.claim, article span.paper, article span.given";
  const card = document.createElement("div");
  card.id = "card";
  card.setAttribute("role", "tooltip");
  card.hidden = true;
  document.body.append(card);
  let shown = null, pinned = false, waits = 0;

  const textOf = (point) => {
    if (point.tagName === "A") return cards[point.hash.slice(1)];
    return `<p>${quoted[point.classList.contains("paper") ? "paper" : "given"]}</p>`;
  };
  const open = (point) => {
    const text = textOf(point);
    if (!text || shown === point) return;
    close();
    shown = point;
    card.innerHTML = text + (point.tagName === "A" ? `<p><a href="${point.getAttribute("href")}">in the ledger</a></p>` : "");
    card.hidden = false;
    point.setAttribute("aria-describedby", "card");
    const place = point.getClientRects()[0], wide = document.documentElement.clientWidth;
    const below = place.bottom + card.offsetHeight + 8 < innerHeight || place.top < card.offsetHeight + 8;
    card.style.left = `${scrollX + Math.max(8, Math.min(place.left, wide - card.offsetWidth - 8))}px`;
    card.style.top = `${scrollY + (below ? place.bottom + 6 : place.top - card.offsetHeight - 6)}px`;
  };
  const close = () => {
    clearTimeout(waits);
    if (shown) shown.removeAttribute("aria-describedby");
    shown = null;
    pinned = false;
    card.hidden = true;
  };
  const later = (what, time) => { clearTimeout(waits); waits = setTimeout(what, time); };

  for (const point of document.querySelectorAll("article span.paper, article span.given")) {
    point.tabIndex = 0;
    point.setAttribute("role", "note");
  }
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse" || pinned) return;
    const point = event.target.closest(points);
    if (point) later(() => open(point), 150);
    else if (event.target.closest("#card")) clearTimeout(waits);
    else later(close, 250);
  });
  document.addEventListener("focusin", (event) => {
    const point = event.target.closest(points);
    if (point && point.matches(":focus-visible")) open(point);
    else if (!pinned && !event.target.closest("#card")) close();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("#card")) return;
    const point = event.target.closest(points);
    if (!point || !textOf(point) || event.detail === 0) return point ? undefined : close();  // detail 0: the Enter key
    event.preventDefault();
    if (shown === point && pinned) return close();
    open(point);
    pinned = true;
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
});
