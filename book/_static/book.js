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

// On a phone a claim shows its verdict and value; the bound and all after it are folded away.
document.addEventListener("DOMContentLoaded", () => {
  if (!matchMedia("screen and (max-width: 600px)").matches) return;
  for (const cell of document.querySelectorAll(".ledger td:nth-child(3) > p")) {
    const from = cell.querySelector("code, em");
    if (!from) continue;
    const rest = document.createRange();
    rest.setStartBefore(from);
    rest.setEndAfter(cell.lastChild);
    const folded = document.createElement("details");
    folded.innerHTML = "<summary>bound and more</summary>";
    folded.append(rest.extractContents());
    cell.after(folded);
  }
});
