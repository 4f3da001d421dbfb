{{- /*
Check beside an application: a native sidecar, which runs before the application's containers start and until they have
ended. Into a pod's initContainers goes `include "portcullis.sidecar" (dict "root" $ "secret" NAME)`, into its volumes
`include "portcullis.sidecarVolumes" (dict "secret" NAME)`. The secret has the keys token and ca.crt. The application
mounts the volume portcullis-socket at /run/portcullis, and must be in the pod's fsGroup to open the socket.
*/}}
{{- define "portcullis.sidecar" -}}
- name: portcullis
  image: {{ include "portcullis.image" .root }}
  restartPolicy: Always
  # As services/sidecar/sidecar starts it: in as little memory as it takes.
  args:
    - --max-semi-space-size=1
    - --heap-growing-percent=5
    - --optimize-for-size
    - --max-old-space-size=96
    - services/sidecar/src/main.ts
  securityContext:
    {{- include "portcullis.containerSecurity" . | nindent 4 }}
    runAsNonRoot: true
    runAsUser: 65532
    seccompProfile: { type: RuntimeDefault }
  env:
    - { name: MALLOC_ARENA_MAX, value: "1" }
    # The pod's ports are the application's.
    - { name: PORTCULLIS_METRICS_LISTEN, value: "" }
    - { name: PORTCULLIS_LISTEN, value: "unix:/run/portcullis/sidecar.sock" }
    - { name: PORTCULLIS_STATE_FILE, value: /run/portcullis-state/facts }
    - { name: PORTCULLIS_SERVICE_TOKEN_FILE, value: /var/run/secrets/portcullis/token }
    - { name: PORTCULLIS_TLS_CA_FILE, value: /var/run/secrets/portcullis/ca.crt }
    - name: PORTCULLIS_DECISION_ADDRESS
      value: {{ include "portcullis.address" (dict "root" .root "service" "decision") }}
  # Somebody answers at the socket: the application may start.
  startupProbe:
    exec:
      command:
        - node
        - -e
        - >-
          require("node:net").connect("/run/portcullis/sidecar.sock")
          .on("connect", () => process.exit(0)).on("error", () => process.exit(1))
    periodSeconds: 1
    timeoutSeconds: 3
    failureThreshold: 60
  resources:
    requests: { cpu: 50m, memory: 96Mi }
    limits: { memory: 160Mi }
  volumeMounts:
    - { name: portcullis-socket, mountPath: /run/portcullis }
    - { name: portcullis-state, mountPath: /run/portcullis-state }
    - { name: portcullis-secret, mountPath: /var/run/secrets/portcullis, readOnly: true }
{{- end }}

{{- define "portcullis.sidecarVolumes" -}}
- { name: portcullis-socket, emptyDir: { medium: Memory, sizeLimit: 1Mi } }
- { name: portcullis-state, emptyDir: { sizeLimit: 16Mi } }
- { name: portcullis-secret, secret: { secretName: {{ .secret }}, defaultMode: 288 } }
{{- end }}
