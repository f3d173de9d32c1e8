// A filter above the ledger. Without this script the whole table stands; each row folds away its numbers by itself.
document.addEventListener("DOMContentLoaded", () => {
  const place = document.querySelector(".claim-filter");
  const marks = [...document.querySelectorAll(".claim-mark")];
  if (!place || !marks.length) return;

  const rows = marks.map((mark) => {
    const row = mark.closest("tr");
    const source = row.querySelector("small").textContent;
    return {
      row,
      data: mark.dataset,
      section: mark.closest("section"),
      paper: source.split(/, | · /)[0],
      text: row.textContent.toLowerCase(),
    };
  });
  const heading = (section) => section.querySelector("h2").firstChild.textContent.trim()
    || section.querySelector("h2").textContent.replace("#", "").trim();
  const stands = { holds: "holds", fails: "does not hold" };
  const kinds = { paper: "a paper states it", ours: "of this book", known: "known, checked here", identity: "an identity" };
  // Of each choice: its words, and the value and the words of a row.
  const choices = {
    chapter: ["chapter", (one) => one.data.chapter, (one) => heading(one.section)],
    paper: ["paper", (one) => one.data.paper, (one) => one.paper],
    kind: ["kind", (one) => one.data.kind, (one) => kinds[one.data.kind]],
    verdict: ["verdict", (one) => one.data.verdict, (one) => one.data.verdict],
    quick: ["quick", (one) => one.data.quick, (one) => stands[one.data.quick]],
    full: ["papers’ scale", (one) => one.data.full, (one) => stands[one.data.full]],
    set: ["bound set", (one) => one.data.set, (one) => `${one.data.set} looking`],
  };

  const form = document.createElement("form");
  form.setAttribute("role", "search");
  form.setAttribute("aria-label", "Filter the claims");
  for (const [name, [words, value, label]] of Object.entries(choices)) {
    const options = new Map(rows.filter(value).map((one) => [value(one), label(one)]));
    if (options.size < 2 && name !== "full") continue;
    if (!options.size) continue;
    const select = document.createElement("select");
    select.name = name;
    select.append(new Option("any", ""), ...[...options].map(([key, shown]) => new Option(shown, key)));
    form.append(labelled(words, select));
  }
  const search = document.createElement("input");
  search.type = "search";
  search.name = "text";
  form.append(labelled("words", search));
  const count = document.createElement("p");
  count.setAttribute("role", "status");
  const clear = document.createElement("button");
  clear.type = "reset";
  clear.textContent = "show all";
  const foot = document.createElement("div");
  foot.append(count, clear);
  form.append(foot);
  place.append(form);

  function labelled(words, field) {
    const label = document.createElement("label");
    label.append(words, field);
    return label;
  }

  function filter() {
    const asked = Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim()));
    const words = (asked.text || "").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const one of rows) {
      const fits = Object.entries(choices).every(([name, [, value]]) => !asked[name] || value(one) === asked[name])
        && words.every((word) => one.text.includes(word));
      one.row.hidden = !fits;
      shown += fits;
    }
    for (const section of new Set(rows.map((one) => one.section))) {
      section.hidden = rows.every((one) => one.section !== section || one.row.hidden);
    }
    count.textContent = `${shown} of ${rows.length} claims`;
    clear.hidden = shown === rows.length;
    return asked;
  }

  // The choice stands in the address, so that it can be linked.
  function remember() {
    const address = new URL(location);
    for (const name of [...Object.keys(choices), "text"]) address.searchParams.delete(name);
    for (const [name, value] of Object.entries(filter())) address.searchParams.set(name, value);
    try { history.replaceState(null, "", address); } catch { /* a page opened as a file may not */ }
  }
  for (const [name, value] of new URLSearchParams(location.search)) if (form.elements[name]) form.elements[name].value = value;
  form.addEventListener("input", remember);
  form.addEventListener("reset", () => setTimeout(remember));
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();

  // A link to one claim shows it, unfolded, whatever is filtered.
  function open() {
    const mark = location.hash.startsWith("#claim-") && document.getElementById(location.hash.slice(1));
    if (!mark) return;
    if (mark.closest("tr").hidden) { form.reset(); filter(); }
    mark.closest("tr").querySelector("details").open = true;
    mark.scrollIntoView({ behavior: "instant" });
  }
  addEventListener("hashchange", open);
  open();
});
