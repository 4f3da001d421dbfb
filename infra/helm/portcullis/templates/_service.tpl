{{- /*
One of our services. Of (root, service, replicas, resources, env, ports, preStopSeconds, configMap):
replicas null: an autoscaler says how many; env and ports: YAML, beside what all have; configMap: mounted, if it is named.
*/}}
{{- define "portcullis.service" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "portcullis.name" . }}
  labels: {{- include "portcullis.labels" . | nindent 4 }}
automountServiceAccountToken: false
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "portcullis.name" . }}
  labels: {{- include "portcullis.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "portcullis.selector" . | nindent 6 }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "portcullis.name" . }}
  labels: {{- include "portcullis.labels" . | nindent 4 }}
spec:
  {{- with .replicas }}
  replicas: {{ . }}
  {{- end }}
  # Those whose connection was refused have found another process by then.
  minReadySeconds: 3
  revisionHistoryLimit: 3
  strategy:
    type: RollingUpdate
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }
  selector:
    matchLabels: {{- include "portcullis.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "portcullis.labels" . | nindent 8 }}
    spec:
      serviceAccountName: {{ include "portcullis.name" . }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 20
      securityContext: {{- include "portcullis.podSecurity" . | nindent 8 }}
      {{- with .root.Values.image.pullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - topologyKey: {{ . }}
          maxSkew: 1
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "portcullis.selector" $ | nindent 14 }}
          matchLabelKeys: [pod-template-hash]
        {{- end }}
      containers:
        - name: {{ .service }}
          image: {{ include "portcullis.image" .root }}
          args: [services/{{ .service }}/src/main.ts]
          securityContext: {{- include "portcullis.containerSecurity" . | nindent 12 }}
          env:
            - { name: PORTCULLIS_METRICS_LISTEN, value: "0.0.0.0:9464" }
            - { name: PORTCULLIS_TLS_CERT_FILE, value: /var/run/portcullis/tls/tls.crt }
            - { name: PORTCULLIS_TLS_KEY_FILE, value: /var/run/portcullis/tls/tls.key }
            - { name: PORTCULLIS_TLS_CA_FILE, value: /var/run/portcullis/tls/ca.crt }
            - name: PORTCULLIS_SERVICE_CREDENTIAL
              {{- include "portcullis.secretValue" (dict "name" .root.Values.serviceCredentialSecret "key" "credential") | nindent 14 }}
            - name: REDIS_URL
              {{- include "portcullis.secretValue" (dict "name" .root.Values.redisSecret "key" "url") | nindent 14 }}
            {{- range without (list "identity" "groups" "grants" "tokens") .service }}
            - name: PORTCULLIS_{{ upper . }}_ADDRESS
              value: {{ include "portcullis.address" (dict "root" $.root "service" .) }}
            {{- end }}
            {{- trim .env | nindent 12 }}
            {{- range $name, $value := .root.Values.environment }}
            - { name: {{ $name }}, value: {{ $value | quote }} }
            {{- end }}
          ports:
            - { name: metrics, containerPort: 9464 }
            {{- trim .ports | nindent 12 }}
          startupProbe:
            httpGet: { path: /livez, port: metrics }
            periodSeconds: 2
            failureThreshold: 60
          readinessProbe:
            httpGet: { path: /readyz, port: metrics }
            periodSeconds: 5
            timeoutSeconds: 3
          livenessProbe:
            httpGet: { path: /livez, port: metrics }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          {{- with .preStopSeconds }}
          lifecycle:
            preStop: { sleep: { seconds: {{ . }} } }
          {{- end }}
          resources: {{- toYaml .resources | nindent 12 }}
          volumeMounts:
            - { name: tls, mountPath: /var/run/portcullis/tls, readOnly: true }
            {{- if .configMap }}
            - { name: configuration, mountPath: /etc/portcullis, readOnly: true }
            {{- end }}
      volumes:
        - name: tls
          secret: { secretName: {{ .root.Values.tlsSecretPrefix }}{{ .service }}, defaultMode: 288 }
        {{- with .configMap }}
        - name: configuration
          configMap: { name: {{ . }} }
        {{- end }}
{{- end }}
