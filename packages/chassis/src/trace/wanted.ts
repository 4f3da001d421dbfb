/** Whether OpenTelemetry's own variables ask for traces: they say where to, or by which exporter. */
export function areTracesWanted(environment: Readonly<Record<string, string | undefined>>): boolean {
  const { OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER } = environment;
  if (OTEL_SDK_DISABLED?.toLowerCase() === "true" || OTEL_TRACES_EXPORTER === "none") return false;
  return [
    OTEL_TRACES_EXPORTER,
    environment["OTEL_EXPORTER_OTLP_ENDPOINT"],
    environment["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"],
  ].some((value) => value !== undefined && value !== "");
}
