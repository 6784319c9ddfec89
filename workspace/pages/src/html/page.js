"use strict";
(() => {
  const root = document.documentElement;
  const theme = document.getElementById("theme");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const label = () => { theme.textContent = dark() ? "Light colours" : "Dark colours"; };
  theme.hidden = false;
  theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; label(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();

  // A number where there is one; rows without one stay at the end, whichever way the others are sorted.
  const key = (cell) => "number" in cell.dataset ? Number(cell.dataset.number) : cell.textContent.trim();
  const order = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const numbers = [...table.tBodies[0].rows].some((row) => "number" in row.cells[column].dataset);
      const rows = [...table.tBodies[0].rows].map((row) => ({ row, key: key(row.cells[column]) }));
      const known = rows.filter((one) => !numbers || typeof one.key === "number");
      const rest = rows.filter((one) => numbers && typeof one.key !== "number");
      known.sort((a, b) => down ? order(b.key, a.key) : order(a.key, b.key));
      table.tBodies[0].append(...known.concat(rest).map((one) => one.row));
    }));
  }
})();
