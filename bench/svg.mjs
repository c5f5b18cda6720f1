/**
 * Shapes and text of a drawing in SVG. Guarantees: well-formed, with a white ground, so that it reads on any page.
 */

const FONT = "font-family='Helvetica, Arial, sans-serif'";

export class Drawing {
  #parts = [];
  #size;

  /**
   * @param {number} width
   * @param {number} height
   * @param {string} title
   */
  constructor(width, height, title) {
    this.#size = { width, height };
    this.#parts.push(`<title>${escaped(title)}</title>`, `<rect width="${width}" height="${height}" fill="#fff"/>`);
    this.text(16, 26, title, { size: 16, weight: "bold" });
  }

  line(x1, y1, x2, y2, { color = "#ccc", width = 1, dash = "" } = {}) {
    const dashed = dash === "" ? "" : ` stroke-dasharray="${dash}"`;
    this.#parts.push(
      `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" stroke="${color}" ` +
        `stroke-width="${width}"${dashed}/>`,
    );
  }

  circle(x, y, radius, color) {
    this.#parts.push(`<circle cx="${at(x)}" cy="${at(y)}" r="${radius}" fill="${color}"/>`);
  }

  rect(x, y, width, height, color) {
    this.#parts.push(`<rect x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}" fill="${color}"/>`);
  }

  /** @param {[number, number][]} points */
  path(points, color) {
    const d = points.map(([x, y]) => `${at(x)},${at(y)}`).join(" ");
    this.#parts.push(`<polyline points="${d}" fill="none" stroke="${color}" stroke-width="2"/>`);
  }

  text(x, y, text, { size = 12, anchor = "start", weight = "normal", color = "#222" } = {}) {
    this.#parts.push(
      `<text x="${at(x)}" y="${at(y)}" font-size="${size}" text-anchor="${anchor}" font-weight="${weight}" ` +
        `fill="${color}" ${FONT}>${escaped(text)}</text>`,
    );
  }

  toString() {
    const { width, height } = this.#size;
    const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
    const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size}>`;
    return `${[head, ...this.#parts, "</svg>"].join("\n")}\n`;
  }
}

/** Powers of ten at equal distances. */
export class LogScale {
  #from;
  #length;
  #low;
  #decades;

  /**
   * @param {number[]} values what it has to show
   * @param {number} from the place of the least
   * @param {number} to the place of the most
   */
  constructor(values, from, to) {
    const low = Math.floor(Math.log10(Math.min(...values)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
    this.#from = from;
    this.#length = to - from;
    this.#low = low;
    this.#decades = high - low;
  }

  /** @param {number} value */
  at(value) {
    return this.#from + (this.#length * (Math.log10(value) - this.#low)) / this.#decades;
  }

  /** The powers of ten, and where there are few of them, the double and the fivefold of each. */
  get ticks() {
    const powers = Array.from({ length: this.#decades + 1 }, (_, i) => 10 ** (this.#low + i));
    if (this.#decades > 3) return powers;
    const last = powers[powers.length - 1];
    return powers.flatMap((power) => (power === last ? [power] : [power, 2 * power, 5 * power]));
  }
}

function at(number) {
  return Number(number.toFixed(1));
}

function escaped(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
