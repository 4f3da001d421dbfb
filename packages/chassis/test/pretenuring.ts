// Makes what all survives, and lets V8 tell what it concludes.
// `node --max-semi-space-size=1 --trace-pretenuring-statistics pretenuring.ts usual|short-lived`

import { Server } from "@grpc/grpc-js";
import { keepCallsShortLived } from "../src/rpc/short-lived.ts";

if (process.argv[2] === "short-lived") keepCallsShortLived(new Server());
const survivors: number[][] = [];
for (let made = 0; made < 100_000; made++) survivors.push([made, made]);
