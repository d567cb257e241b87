/** How well the texts of a page stand out from what is behind them, as WCAG 2 measures it: 4.5 is what it asks for. */

export interface Readability {
  /** How many texts there are. */
  readonly texts: number;
  readonly contrasts: readonly { readonly text: string; readonly ratio: number }[];
}

/** An expression for a page, which gives its `Readability`. */
export const readability = `(() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
    return { rgb: [red, green, blue], alpha: alpha / 255 };
  };
  const over = ({ rgb, alpha }, below) => rgb.map((byte, place) => alpha * byte + (1 - alpha) * below[place]);
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((byte) => byte / 255).map((share) => share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const isDrawn = (element) => element instanceof SVGElement;
  const inkOf = (element) => {
    const { fill, fillOpacity, color } = getComputedStyle(element);
    if (!isDrawn(element)) return rgba(color);
    const { rgb, alpha } = rgba(fill === "none" ? "transparent" : fill);
    return { rgb, alpha: alpha * fillOpacity };
  };
  const surfaceOf = (element) => isDrawn(element) ? inkOf(element) : rgba(getComputedStyle(element).backgroundColor);
  const behind = (element) => {
    element.scrollIntoView({ block: "center", inline: "center" });
    const box = element.getBoundingClientRect();
    const under = document.elementsFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    const isSurface = (each) => each !== element && !(each instanceof SVGTextElement) && !(each instanceof SVGSVGElement);
    const paper = rgba(getComputedStyle(document.body).backgroundColor).rgb;
    return under.filter(isSurface).toReversed().reduce((below, each) => over(surfaceOf(each), below), paper);
  };
  const ownText = (element) => [...element.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE).map(({ textContent }) => textContent).join("").trim();
  const elements = [...document.body.querySelectorAll("*")].filter((element) => ownText(element) !== "" && !/script|style|title/i.test(element.tagName) && element.getClientRects().length > 0);
  const contrasts = elements.map((element) => {
    const surface = behind(element);
    const [one, other] = [luminance(over(inkOf(element), surface)), luminance(surface)];
    return { text: ownText(element), ratio: (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) };
  });
  return { texts: elements.length, contrasts };
})()`;
