// Making elements. Text only ever becomes text nodes: what a card is called cannot become markup.

export const byId = (id) => document.getElementById(id);

/** An element; `on...` properties are listeners, the others attributes; null and false leave one out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((each) => each !== null && each !== undefined));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

/** A drawing out of icons.svg; words beside it say the same. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

export const text = (id, words) => {
  byId(id).textContent = words;
};

/** Words with `commands` in them, as nodes. */
export function withCode(words) {
  return words.split("`").map((each, place) => (place % 2 ? el("code", {}, each) : document.createTextNode(each)));
}

/** A picture that vanishes, with a drawn card in its place, when there is none. */
export function picture(source, alt, { eager = false, missing = () => {} } = {}) {
  const frame = el("span", { class: "picture" });
  const image = el("img", { alt, loading: eager ? null : "lazy", decoding: "async", src: source });
  image.addEventListener("error", () => {
    frame.replaceChildren(noPicture(alt));
    missing();
  });
  frame.append(image);
  return frame;
}

export function noPicture(alt) {
  const place = el("span", { class: "no-picture" }, icon("card"));
  if (alt) place.append(el("span", { class: "unseen" }, `${alt}: there is no picture`));
  return place;
}
