// A link in the title of a solution leads away, and does not open the solution besides.
document.addEventListener("click", (click) => {
  if (click.target.closest(".admonition-title > a")) click.stopPropagation();
}, true);
