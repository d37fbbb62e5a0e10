/**
 * The report's chart: bars in groups, on a logarithmic scale, as SVG.
 *
 * @module
 */

/** A bar. */
export interface Bar {
  label: string;
  /** Its length: milliseconds. */
  ms: number;
  /** Whether it is one of those that the chart is about. */
  isOurs: boolean;
}

/** Bars under one heading. */
export interface BarGroup {
  title: string;
  bars: Bar[];
}

const WIDTH = 860;
const LABEL_WIDTH = 170;
/** Room for the text after the longest bar. */
const VALUE_WIDTH = 80;
const PLOT_WIDTH = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
const BAR_HEIGHT = 14;
const BAR_STEP = 19;
const TITLE_HEIGHT = 30;
const GROUP_GAP = 14;
const HEAD_HEIGHT = 62;
const FOOT_HEIGHT = 34;

/** Colours for both kinds of background: a viewer that knows no dark mode shows the light one. */
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #57606a; }
  .head { font-size: 16px; font-weight: 600; fill: #1f2328; }
  .title { font-size: 13px; font-weight: 600; fill: #1f2328; }
  .label, .value { fill: #1f2328; }
  .label { text-anchor: end; }
  .tick { text-anchor: middle; font-size: 11px; }
  .page { fill: #ffffff; }
  .grid { stroke: #d0d7de; }
  .ours { fill: #0969da; }
  .other { fill: #afb8c1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1; }
    .head, .title, .label, .value { fill: #e6edf3; }
    .page { fill: #0d1117; }
    .grid { stroke: #30363d; }
    .ours { fill: #4493f8; }
    .other { fill: #656c76; }
  }
`;

/**
 * Writes milliseconds with a fitting unit and three digits at most.
 *
 * @param ms The time.
 * @returns Such as `1.23 ms`.
 */
export function formatMs(ms: number): string {
  const [value, unit] = ms < 1 ? [ms * 1000, "µs"] : ms < 1000 ? [ms, "ms"] : [ms / 1000, "s"];
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(value < 10 ? 2 : 3))} ${unit}`;
}

/**
 * Draws the chart.
 *
 * @param title Its heading.
 * @param groups The bars.
 * @returns The text of an SVG file.
 */
export function drawChart(title: string, groups: readonly BarGroup[]): string {
  const times = groups.flatMap(({ bars }) => bars.map(({ ms }) => ms));
  const firstPower = Math.floor(Math.log10(Math.min(...times)));
  const lastPower = Math.ceil(Math.log10(Math.max(...times)));
  const lengthOf = (ms: number) => (Math.log10(ms) - firstPower) / (lastPower - firstPower) * PLOT_WIDTH;

  const marks: string[] = [];
  let y = HEAD_HEIGHT;
  for (const group of groups) {
    marks.push(`<text class="title" x="16" y="${y + 18}">${escape(group.title)}</text>`);
    y += TITLE_HEIGHT;
    for (const { label, ms, isOurs } of group.bars) {
      const length = Math.max(2, lengthOf(ms));
      const baseline = y + BAR_HEIGHT - 3;
      marks.push(
        `<text class="label" x="${LABEL_WIDTH - 8}" y="${baseline}">${escape(label)}</text>`,
        `<rect class="${isOurs ? "ours" : "other"}" x="${LABEL_WIDTH}" y="${y}" width="${length.toFixed(1)}" ` +
          `height="${BAR_HEIGHT}" rx="2" />`,
        `<text class="value" x="${(LABEL_WIDTH + length + 6).toFixed(1)}" y="${baseline}">${formatMs(ms)}</text>`,
      );
      y += BAR_STEP;
    }
    y += GROUP_GAP;
  }
  const grid: string[] = [];
  for (let power = firstPower; power <= lastPower; power++) {
    const x = (LABEL_WIDTH + lengthOf(10 ** power)).toFixed(1);
    grid.push(
      `<line class="grid" x1="${x}" y1="${HEAD_HEIGHT}" x2="${x}" y2="${y}" />`,
      `<text class="tick" x="${x}" y="${y + 16}">${formatMs(10 ** power)}</text>`,
    );
  }
  const height = y + FOOT_HEIGHT;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${
    escape(title)
  }">
<style>${STYLE}</style>
<rect class="page" width="${WIDTH}" height="${height}" rx="8" />
<text class="head" x="16" y="28">${escape(title)}</text>
<text x="16" y="48">Time, shorter is better. The scale is logarithmic: each line is ten times the one before.</text>
${grid.join("\n")}
${marks.join("\n")}
</svg>
`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
