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
