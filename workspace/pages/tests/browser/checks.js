// Run within a page: uses it as a reader does and writes what is wrong into an element of its own, `checked`.
(() => {
  const wrong = [];
  const must = (holds, what) => { if (!holds) wrong.push(what); };
  const all = (selector) => [...document.querySelectorAll(selector)];

  // Sorting by every heading, both ways.
  for (const table of all("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    const rows = () => [...table.tBodies[0].rows];
    const count = rows().length;
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      must(button && button.tabIndex >= 0 && button.textContent.trim(), `heading ${column} cannot be reached by key`);
      for (const [sorted, sign] of [["ascending", 1], ["descending", -1]]) {
        button.click();
        must(head.getAttribute("aria-sort") === sorted, `heading ${column} does not say that it sorts ${sorted}`);
        must(heads.filter((other) => other.hasAttribute("aria-sort")).length === 1, "two headings sort");
        const cells = rows().map((row) => row.cells[column]);
        const numbers = cells.filter((cell) => "number" in cell.dataset).map((cell) => Number(cell.dataset.number));
        must(numbers.every((n, i) => i === 0 || sign * (n - numbers[i - 1]) >= 0), `column ${column} is not ${sorted}`);
        const first = cells.findIndex((cell) => !("number" in cell.dataset));
        must(numbers.length === 0 || first < 0 || first === numbers.length, `column ${column}: rows without a number are not last`);
        must(rows().length === count, "rows were lost");
      }
    });
  }

  // Contrast of all text, with its background as it is seen.
  const parse = (color) => {
    const numbers = color.match(/-?[\d.]+(e-?\d+)?/g).map(Number);
    const [r, g, b, a = 1] = color.startsWith("color(") ? [numbers[0] * 255, numbers[1] * 255, numbers[2] * 255, numbers[3]] : numbers;
    return { r, g, b, a };
  };
  const over = (top, below) => {
    const mix = (x, y) => x * top.a + y * (1 - top.a);
    return { r: mix(top.r, below.r), g: mix(top.g, below.g), b: mix(top.b, below.b), a: 1 };
  };
  const luminance = ({ r, g, b }) => {
    const linear = (x) => { x /= 255; return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const contrast = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)];
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  };
  const background = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), { r: 255, g: 255, b: 255, a: 1 });
  };
  let texts = 0;
  let lowest = Infinity;
  const readable = (theme) => {
    for (const element of all("body *")) {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
      if (!own || ["SCRIPT", "STYLE"].includes(element.tagName) || element.id === "checked") continue;
      const style = getComputedStyle(element);
      const color = parse(element instanceof SVGElement ? style.fill : style.color);
      const behind = background(element);
      const found = contrast(over(color, behind), behind);
      texts += 1;
      lowest = Math.min(lowest, found);
      must(found >= 4.5, `${theme}: contrast ${found.toFixed(2)} of "${element.textContent.trim().slice(0, 40)}"`);
    }
  };
  const theme = document.getElementById("theme");
  const paper = () => getComputedStyle(document.body).backgroundColor;
  const before = paper();
  must(!theme.hidden && theme.textContent === "Dark colours", "the switch does not name the other colours");
  readable("light");
  theme.click();
  must(paper() !== before && theme.textContent === "Light colours", "the switch changes nothing");
  readable("dark");
  theme.click();
  must(paper() === before, "the switch does not go back");

  // What is read out.
  for (const picture of all("svg")) {
    const named = picture.getAttribute("role") === "img" && picture.getAttribute("aria-label");
    must(named || picture.getAttribute("aria-hidden") === "true", "a picture has no text alternative");
  }
  for (const table of all("table")) must(table.caption && table.caption.textContent.trim(), "a table has no caption");
  for (const head of all("th")) must(["row", "col"].includes(head.scope), "a heading of a table does not say of what");
  const levels = all("h1, h2, h3, h4").map((heading) => Number(heading.tagName[1]));
  must(levels[0] === 1 && levels.filter((level) => level === 1).length === 1, "there is not one first heading");
  must(levels.every((level, i) => i === 0 || level <= levels[i - 1] + 1), `headings skip a level: ${levels}`);
  const ids = all("[id]").map((element) => element.id);
  must(new Set(ids).size === ids.length, "two elements have one id");
  must(document.documentElement.lang === "en" && document.title, "language or title is missing");

  // Nothing from elsewhere, nothing wider than the window.
  must(all("[src], link, [href], iframe, object").length === 0, "something is fetched");
  must(performance.getEntriesByType("resource").length === 0, "something was fetched");
  must(document.documentElement.scrollWidth <= innerWidth, "the page is wider than its window");

  const checked = document.createElement("pre");
  checked.id = "checked";
  checked.textContent = JSON.stringify({ wrong, texts, lowest, sections: all("h2").map((heading) => heading.textContent) });
  document.body.append(checked);
})();
