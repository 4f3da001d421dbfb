import { expect, test } from "vitest";
import { metricsAddressOf, services } from "../src/services.ts";

test("each service tells its numbers at a port of its own, the first at the one that was asked for", () => {
  const ports = services.map((service) => metricsAddressOf(service, "[::1]:9464"));
  expect(ports).toEqual(["9464", "9465", "9466", "9467", "9468", "9469"].map((port) => `[::1]:${port}`));
  expect(metricsAddressOf("admin", "127.0.0.1:0")).toBe("127.0.0.1:0");
  expect(metricsAddressOf("admin", "nowhere")).toBe("nowhere");
});
