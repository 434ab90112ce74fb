/** `--html`: a report as one page that needs nothing else, neither network nor script. */
import * as echarts from "echarts";
import { html } from "htm/preact";
import { renderToString } from "preact-render-to-string";
import { digits, type Report, type ReportedRow, spread, summaries, type Summary } from "./report.ts";
import { AGREEMENT, unsteady } from "./steady.ts";
import type { Verdict } from "./verdict.ts";

/** Of a chart, in CSS pixels. On a wider page it grows, letters and all. */
const WIDTH = 480;

/** Readable on light and on dark ground, and on paper. */
const [INK, OURS, OTHERS] = ["#808080", "#d9480f", "#1c7ed6"];

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 44rem; margin: 0 auto; padding: 1rem; }
  h1 { line-height: 1.2; }
  h2 { margin: 2.5rem 0 0; font-size: 1.1rem; }
  section { break-inside: avoid; }
  table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
  th, td { padding: .15rem .4rem; text-align: left; border-bottom: 1px solid #8884; }
  td:first-child { overflow-wrap: anywhere; }
  .number { text-align: right; }
  td.number { white-space: nowrap; }
  tr.missed td { color: light-dark(#b02a00, #ff9b73); }
  @media (max-width: 34rem) { table { font-size: .7rem } th, td { padding: .15rem .2rem } }
  .wide { overflow-x: auto; }
  @media print { :root { color-scheme: light } .wide { overflow-x: visible } }
  figure { margin: .5rem 0; }
  svg { width: 100%; height: auto; }
  .quiet { opacity: .7; font-size: .875rem; }
`;

type Extent = [value: number, least: number, most: number, line: number];

/** A dot for each line, with a whisker from the least to the most, on a log scale. */
function dots(
  names: string[],
  series: { name: string; color: string; extents: Extent[] }[],
  { unit = "", line }: { unit?: string; line?: number } = {},
): string {
  const chart = echarts.init(null, null, {
    renderer: "svg",
    ssr: true,
    width: WIDTH,
    height: 60 + names.length * 24,
  });
  try {
    chart.setOption({
      animation: false,
      textStyle: { color: INK, fontFamily: "system-ui, sans-serif" },
      // Without a DOM nobody knows how wide the names are: at 12px hardly a letter is wider than 7.
      grid: { left: 16 + 7 * Math.max(...names.map(({ length }) => length)), right: 24, top: 8, bottom: 44 },
      xAxis: {
        type: "log",
        name: unit,
        nameLocation: "middle",
        nameGap: 24,
        axisLabel: { color: INK, hideOverlap: true, formatter: (value: number) => digits.format(value) },
        splitLine: { lineStyle: { color: INK, opacity: .25 } },
      },
      yAxis: {
        type: "category",
        inverse: true,
        data: names,
        axisLabel: { color: INK },
        axisTick: { show: false },
      },
      series: series.flatMap(({ name, color, extents }) => [
        {
          type: "scatter",
          name,
          symbolSize: 9,
          itemStyle: { color },
          data: extents.map(([value, , , line]) => [value, line]),
          markLine: line === undefined ? undefined : {
            symbol: "none",
            silent: true,
            label: { show: false },
            lineStyle: { color: INK },
            data: [{ xAxis: line }],
          },
        },
        {
          type: "custom",
          data: extents.map(([, least, most, line]) => [least, line, most]),
          renderItem: whisker(color),
        },
      ]),
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

/** What of echarts' interface whiskers take. */
interface Drawing {
  value(dimension: number): number;
  coord(point: [number, number]): [number, number];
}

function whisker(color: string) {
  return (_: unknown, drawing: Drawing) => {
    const [left, y] = drawing.coord([drawing.value(0), drawing.value(1)]);
    const [right] = drawing.coord([drawing.value(2), drawing.value(1)]);
    return {
      type: "line",
      shape: { x1: left, y1: y, x2: right, y2: y },
      style: { stroke: color, lineWidth: 3, opacity: .5 },
    };
  };
}

const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

/** Told apart without colour, too. */
const SYMBOLS = [
  "circle",
  "rect",
  "triangle",
  "diamond",
  "emptyCircle",
  "emptyRect",
  "emptyTriangle",
  "emptyDiamond",
];
/** Seen on light and on dark ground. */
const COLORS = [OURS, OTHERS, "#2b8a3e", "#9c36b5", "#c99700", "#0b7285", "#c2255c", "#5c940d", "#868e96"];

interface Line {
  readonly side: string;
  /** None where the side was left out. */
  readonly summaries: readonly (Summary | undefined)[];
}

/** A line for each side over the points, which are as far from each other as they come, with a whisker at each. */
function lines(points: string[], all: Line[], { unit, axis }: { unit: string; axis: string }): string {
  const chart = echarts.init(null, null, {
    renderer: "svg",
    ssr: true,
    width: WIDTH,
    height: 300 + 18 * all.length,
  });
  const known = (summary: Summary | undefined) => summary !== undefined && isDrawn(summary);
  try {
    chart.setOption({
      animation: false,
      textStyle: { color: INK, fontFamily: "system-ui, sans-serif" },
      legend: { orient: "vertical", left: 56, bottom: 0, itemGap: 4, textStyle: { color: INK } },
      grid: { left: 56, right: 24, top: 28, bottom: 52 + 18 * all.length },
      xAxis: {
        type: "category",
        data: points,
        name: axis,
        nameLocation: "middle",
        nameGap: 26,
        boundaryGap: false,
        axisLabel: { color: INK },
      },
      yAxis: {
        type: "log",
        name: unit,
        nameTextStyle: { align: "left" },
        axisLabel: { color: INK, hideOverlap: true, formatter: (value: number) => compact.format(value) },
        splitLine: { lineStyle: { color: INK, opacity: .25 } },
      },
      series: all.flatMap(({ side, summaries }, n) => {
        const color = COLORS[n % COLORS.length];
        return [
          {
            type: "line",
            name: side,
            symbol: SYMBOLS[n % SYMBOLS.length],
            symbolSize: 8,
            itemStyle: { color },
            lineStyle: { color, width: 2 },
            connectNulls: true,
            data: summaries.map((each) => known(each) ? each!.median : null),
          },
          {
            type: "custom",
            data: summaries.flatMap((each, at) => known(each) ? [[at, each!.least, each!.most]] : []),
            renderItem: bar(color),
          },
        ];
      }),
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

function bar(color: string) {
  return (_: unknown, drawing: Drawing) => {
    const [x, bottom] = drawing.coord([drawing.value(0), drawing.value(1)]);
    const [, top] = drawing.coord([drawing.value(0), drawing.value(2)]);
    return {
      type: "line",
      shape: { x1: x, y1: bottom, x2: x, y2: top },
      style: { stroke: color, lineWidth: 3, opacity: .5 },
    };
  };
}

/** Only what is above 0 has a place on a log scale. */
function isDrawn({ least }: Summary): boolean {
  return least > 0;
}

function figure(svg: string, label: string) {
  return html`<figure role="img" aria-label=${label} dangerouslySetInnerHTML=${{ __html: svg }} />`;
}

function verdictLine({ side, against, missing, ratio, target = "", holds }: Verdict) {
  const whom = `${side === undefined ? "" : `${side} `}${missing ?? against ?? ""}`;
  return html`
    <tr class=${holds === false ? "missed" : ""}>
      <td>${whom}</td>
      <td class="number">${ratio === undefined ? "" : `${digits.format(ratio)}×`}</td>
      <td>${target}</td>
      <td>${holds === undefined ? "" : holds ? "holds" : "missed"}</td>
    </tr>
  `;
}

function section(row: ReportedRow) {
  const all = summaries(row);
  const best = all[0].median;
  const drawn = all.filter(isDrawn);
  const [ours] = Object.keys(row.samples);
  const extents = (own: boolean): Extent[] =>
    drawn.flatMap(({ side, median, least, most }, line) => {
      return own === (side === ours) ? [[median, least, most, line] as Extent] : [];
    });
  const series = [
    { name: "ours", color: OURS, extents: extents(true) },
    { name: "others", color: OTHERS, extents: extents(false) },
  ];
  const way = `${row.unit}, ${row.better} is better`;
  return html`<section id=${row.name}>
    <h2>${row.measure}</h2>
    <div class="quiet">${row.name}</div>
    ${
    drawn.length > 1
      ? figure(dots(drawn.map(({ side }) => side), series, { unit: way }), `${row.measure}: ${way}`)
      : ""
  }
    <table>
      <tr><th>side</th><th class="number">median, ${row.unit}</th><th class="number">spread</th><th class="number">of the best</th></tr>
      ${
    all.map((summary) =>
      html`
        <tr>
          <td>${summary.side}</td>
          <td class="number">${digits.format(summary.median)}</td>
          <td class="number">± ${digits.format(spread(summary) * 100)} %</td>
          <td class="number">${best === 0 ? "" : `${digits.format(summary.median / best)}×`}</td>
        </tr>
      `
    )
  }
    </table>
    ${
    row.verdicts.some(({ against, missing, target }) => against ?? missing ?? target)
      ? html`<table>
      <tr><th>ours against</th><th class="number">times better</th><th>target</th><th></th></tr>
      ${row.verdicts.map(verdictLine)}
    </table>`
      : ""
  }
  </section>`;
}

/** The points of one curve: a figure, and a table with a line for each side. */
function curve(points: readonly ReportedRow[]) {
  const [{ point, unit, better }] = points;
  const { curve, title, axis } = point!;
  const sides = [...new Set(points.flatMap(({ samples }) => Object.keys(samples)))];
  const found = points.map(summaries);
  const all = sides.map((side): Line => {
    return { side, summaries: found.map((each) => each.find((summary) => summary.side === side)) };
  });
  const labels = points.map(({ point }) => compact.format(point!.at));
  const cell = (summary?: Summary) =>
    summary === undefined ? html`<td></td>` : html`
      <td class="number">${digits.format(summary.median)}
        <div class="quiet">± ${digits.format(spread(summary) * 100)} %</div></td>
    `;
  const svg = lines(labels, all, { unit: `${unit}, ${better} is better`, axis });
  return html`<section id=${curve}>
    <h2>${title}</h2>
    <div class="quiet">${curve}</div>
    ${figure(svg, `${title}, by ${axis}: ${unit}`)}
    <div class="wide"><table>
      <tr><th>${axis}</th>${labels.map((label) => html`<th class="number">${label}</th>`)}</tr>
      ${all.map(({ side, summaries }) => html`<tr><td>${side}</td>${summaries.map(cell)}</tr>`)}
    </table></div>
  </section>`;
}

/** Rows as they stand, but the points of one curve together, where its first one stands. */
function sections(rows: readonly ReportedRow[]) {
  const groups = Map.groupBy(rows, ({ name, point }) => point === undefined ? `row ${name}` : point.curve);
  return [...groups.values()].map((group) => group[0].point === undefined ? section(group[0]) : curve(group));
}

/** How many times better than each row's best other side ours is. */
function overview(rows: readonly ReportedRow[]) {
  const ratios = rows.filter(({ point }) => point === undefined).flatMap(({ name, verdicts }) => {
    const known = verdicts.flatMap(({ side, ratio }) => side === undefined && ratio ? [ratio] : []);
    return known.length === 0 ? [] : [{ name, least: Math.min(...known), most: Math.max(...known) }];
  });
  if (ratios.length < 2) return "";
  const extents = ratios.map(({ least, most }, line): Extent => [least, least, most, line]);
  const svg = dots(ratios.map(({ name }) => name), [{ name: "ratio", color: OURS, extents }], {
    unit: "times better than the best other side (dot), and than the worst",
    line: 1,
  });
  return html`<section>
    <h2>All rows</h2>
    ${figure(svg, "How many times better each row is than the other sides")}
  </section>`;
}

/** One round says nothing of it. */
function steadiness({ rounds, rows }: Report) {
  if (rounds < 2) return "";
  const names = unsteady(rows);
  const share = `${AGREEMENT * 100} %`;
  return names.length === 0
    ? html`<p>In all rows the ratios of the first half of the rounds and of the second agree within ${share}.</p>`
    : html`<p>In these rows a ratio of the first half of the rounds and that of the second differ by more than
      ${share}, so another run may say something else: ${names.join(", ")}.</p>`;
}

export function page(report: Report): string {
  const { machine, date, commit, sides, rounds, quick, rows } = report;
  const body = html`
    <h1>Heddle, measured</h1>
    <p>${machine}. ${date}${commit && `, commit ${commit}`}. ${rounds} interleaved rounds: dots are medians,
      whiskers go from the least to the most, ratios are medians of the rounds' own ratios.
      ${quick ? " A quick run of small sizes, whose numbers say little." : ""}</p>
    ${steadiness(report)}
    <p class="quiet">${sides.join("; ")}</p>
    ${overview(rows)}
    ${sections(rows)}
  `;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Heddle, measured</title>
<style>${style}</style>
</head>
<body>${renderToString(html`<main>${body}</main>`)}</body>
</html>
`;
}
