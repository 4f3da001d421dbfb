// `node infra/deployment/src/render-chart.ts`, with helm on the path: renders the chart anew after it was changed.

import { writeFileSync } from "node:fs";
import { lintChart, renderChart, rendered } from "./chart.ts";

lintChart();
writeFileSync(rendered, renderChart());
