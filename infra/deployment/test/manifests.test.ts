import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import { Job } from "kubernetes-models/batch/v1/Job";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { Service } from "kubernetes-models/v1/Service";
import { ServiceAccount } from "kubernetes-models/v1/ServiceAccount";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { hasHelm, lintChart, originOfManifests, renderChart, rendered } from "../src/chart.ts";
import { faultsOf, type Manifest } from "../src/kubernetes-types.ts";
import { askedOf, type Environment, unreadOf } from "../src/settings.ts";

const text = readFileSync(rendered, "utf8");
const documents = parseAllDocuments(text).map((document) => document.toJS() as Manifest);
const checkout = fileURLToPath(new URL("../../../", import.meta.url));

const kinds = {
  Deployment,
  HorizontalPodAutoscaler,
  Job,
  NetworkPolicy,
  PodDisruptionBudget,
  Service,
  ServiceAccount,
};

interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly env?: readonly {
    name: string;
    value?: string;
    valueFrom?: { secretKeyRef?: { key: string; optional?: boolean } };
  }[];
  readonly securityContext?: object;
  readonly resources?: { limits?: { memory?: string } };
}

interface Pod {
  readonly automountServiceAccountToken?: boolean;
  readonly hostNetwork?: boolean;
  readonly securityContext?: object;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
}

type PodSelector = { podSelector?: { matchLabels: Readonly<Record<string, string>> } };

const podsByName = new Map(
  [...byKind<Deployment>("Deployment"), ...byKind<Job>("Job")].map((workload) => [
    workload.metadata?.name ?? "",
    workload.spec?.template.spec as unknown as Pod,
  ]),
);
const containers = [...podsByName.values()].flatMap((pod) => [
  ...pod.containers,
  ...(pod.initContainers ?? []),
]);
const services = ["admin", "decision", "grants", "groups", "identity", "tokens"];

function byKind<Kind>(kind: keyof typeof kinds): Kind[] {
  return documents.filter((document) => document.kind === kind) as unknown[] as Kind[];
}

function serviceNamed(name: string): Container {
  const found = podsByName.get(`portcullis-${name}`)?.containers.find((container) => container.name === name);
  if (found === undefined) throw new Error(`no container runs ${name}`);
  return found;
}

/** What stands for a secret's value. */
const secrets: Environment = {
  "ca.crt": "x",
  "client-secret": "x",
  "cookie-secret": "x".repeat(32),
  credential: "x".repeat(32),
  "replica-url": "postgres://someone:x@replica/database",
  url: "postgres://someone:x@server/database",
};

function environmentOf(container: Container): Environment {
  return Object.fromEntries(
    (container.env ?? []).map(({ name, value, valueFrom }) => {
      if (value !== undefined) return [name, value];
      if (name === "REDIS_URL") return [name, "rediss://:x@server:6379"];
      const key = valueFrom?.secretKeyRef?.key ?? "";
      return [name, secrets[key] ?? `no value for ${key}`];
    }),
  );
}

test("the manifests are those of the chart as it is: else render them anew", () => {
  expect(text.split("\n", 1)[0]).toBe(originOfManifests());
});

test.skipIf(!hasHelm())("helm makes the same of the chart, and has nothing against it", () => {
  lintChart();
  expect(renderChart()).toBe(text);
});

test("each is what Kubernetes knows by its kind", () => {
  expect(documents.length).toBeGreaterThan(35);
  expect(faultsOf(documents)).toBe("");
  for (const document of documents) {
    const Kind = kinds[document.kind as keyof typeof kinds];
    expect(Kind, document.kind).toBeDefined();
    new Kind(document as never).validate();
  }
});

test("a manifest that Kubernetes does not know is noticed, and a field that it would ignore", () => {
  const [deployment] = byKind<Manifest & { spec: object }>("Deployment");
  if (deployment === undefined) throw new Error("there is no deployment");
  const wrong = { ...deployment, spec: { replicas: "two" } };
  expect(() => new Deployment(wrong as never).validate()).toThrow();
  expect(faultsOf([{ ...deployment, spec: { ...deployment.spec, replica: 2 } }])).toContain('"replica"');
});

test("no container may do more than it needs", () => {
  expect(podsByName.size).toBe(11);
  for (const [name, pod] of podsByName) {
    expect(pod, name).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
    });
    expect(pod.hostNetwork, name).toBeUndefined();
  }
  for (const container of containers) {
    expect(container, container.name).toMatchObject({
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      },
      resources: { limits: { memory: expect.stringMatching(/Mi$|Gi$/) } },
    });
    expect(Object.keys(container.securityContext ?? {}), container.name).not.toContain("privileged");
  }
});

test("secrets are named and never held", () => {
  expect(documents.map(({ kind }) => kind)).not.toContain("Secret");
  const secret = /CREDENTIAL|SECRET|TOKEN$|DATABASE_URL|REPLICA_URL|REDIS_URL/;
  const held = containers.flatMap(({ env = [] }) =>
    env.filter(({ name, value }) => secret.test(name) && value !== undefined),
  );
  expect(held).toEqual([]);
});

describe("a service", () => {
  test.each(services)("%s starts with what it is told, and reads all of it", async (service) => {
    expect(await unreadOf(service, environmentOf(serviceNamed(service)))).toEqual([]);
  });

  test("is told by a file that is there to run", () => {
    for (const { name, args = [] } of containers.filter((container) => container.name !== "application")) {
      const program = args.at(-1) ?? "";
      expect(existsSync(`${checkout}${program}`), `${name}: ${program}`).toBe(true);
      expect(program).toMatch(/^services\/\w+\/src\/(main|migrate)\.ts$/);
    }
  });

  test("has a budget for disruptions and starts anew without a gap", () => {
    const budgets = byKind<PodDisruptionBudget>("PodDisruptionBudget").map(
      ({ metadata }) => metadata?.name ?? "",
    );
    expect(budgets.toSorted()).toEqual(services.map((service) => `portcullis-${service}`));
    for (const { metadata, spec } of byKind<Deployment>("Deployment")) {
      if (metadata?.name === "portcullis-example-application") continue;
      expect(spec?.minReadySeconds, metadata?.name).toBeGreaterThanOrEqual(2);
      expect(spec?.strategy?.rollingUpdate?.maxUnavailable, metadata?.name).toBe(0);
    }
  });
});

describe("network policies", () => {
  const policies = new Map(
    byKind<NetworkPolicy>("NetworkPolicy").map(({ metadata, spec }) => [metadata?.name ?? "", spec]),
  );
  const peersOf = (
    rules: readonly { readonly peers?: readonly unknown[]; readonly port: unknown }[],
    port: unknown,
  ) =>
    rules
      .filter((rule) => rule.port === port)
      .flatMap(({ peers = [] }) => peers)
      .flatMap((peer) => (peer as PodSelector).podSelector?.matchLabels["app.kubernetes.io/component"] ?? [])
      .toSorted();

  test.each(services)("let %s be reached and reach as its configuration says", (service) => {
    const spec = policies.get(`portcullis-${service}`);
    const asking = services.filter((other) => askedOf(environmentOf(serviceNamed(other))).includes(service));
    const ingress = (spec?.ingress ?? []).map(({ from, ports }) => ({
      peers: from ?? [],
      port: ports?.[0]?.port,
    }));
    const egress = (spec?.egress ?? []).map(({ to, ports }) => ({ peers: to ?? [], port: ports?.[0]?.port }));
    expect(peersOf(ingress, "grpc")).toEqual(asking);
    expect(peersOf(egress, 50051)).toEqual(askedOf(environmentOf(serviceNamed(service))));
  });

  test("services are reached by those alone that ask them", () => {
    expect([...policies.keys()].filter((name) => !name.includes("migrate")).toSorted()).toEqual(
      services.map((service) => `portcullis-${service}`),
    );
    for (const [name, spec] of policies) {
      expect(spec?.policyTypes, name).toEqual(["Ingress", "Egress"]);
      // A rule without peers lets everybody in.
      for (const { from } of spec?.ingress ?? []) expect(from?.length, name).toBeGreaterThan(0);
    }
  });
});

describe("the sidecar", () => {
  const pod = podsByName.get("portcullis-example-application");
  const sidecar = pod?.initContainers?.[0];

  test("runs before the application and for as long, and starts with what it is told", async () => {
    expect(sidecar).toMatchObject({ name: "portcullis", restartPolicy: "Always", startupProbe: {} });
    expect(await unreadOf("sidecar", environmentOf(sidecar ?? { name: "" }))).toEqual([]);
  });

  test("is started as its script starts it", () => {
    const script = readFileSync(`${checkout}services/sidecar/sidecar`, "utf8");
    const flags = (script.split("\nexec ")[1] ?? "").match(/--[a-z-]+(=\d+)?/g);
    expect(sidecar?.args?.slice(0, -1)).toEqual(flags);
  });

  test("opens its socket to the application by the pod's group", () => {
    expect(pod).toMatchObject({ securityContext: { fsGroup: 65532 } });
  });
});
