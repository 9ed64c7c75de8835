{{/* Names and labels, and what every pod of foliot has. */}}
{{- define "foliot.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end -}}

{{- define "foliot.labels" -}}
app.kubernetes.io/name: foliot
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "foliot.selector" -}}
app.kubernetes.io/name: foliot
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "foliot.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "foliot.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "foliot.name" .) }}
{{- end -}}

{{- define "foliot.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "foliot.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "foliot.fromSecret" -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef: {name: {{ .secret.name }}, key: {{ .secret.key }}}
{{- end -}}

{{/* What both planes are told. */}}
{{- define "foliot.env" -}}
{{- if .root.Values.secrets.redis.name }}
{{ include "foliot.fromSecret" (dict "variable" "FOLIOT_REDIS_URL" "secret" .root.Values.secrets.redis) }}
{{- end }}
- {name: FOLIOT_DRAIN_S, value: {{ .plane.drainSeconds | quote }}}
- {name: FOLIOT_LOG_LEVEL, value: {{ .plane.logLevel | quote }}}
- {name: FOLIOT_METRICS_LISTEN, value: {{ printf "0.0.0.0:%v" .root.Values.metrics.port | quote }}}
{{- if not .root.Values.tls.secretName }}
- {name: FOLIOT_ALLOW_PLAINTEXT, value: "true"}
{{- end }}
{{- range $name, $value := .plane.env }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- with .plane.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "foliot.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 2
{{- end -}}

{{- define "foliot.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "foliot.selector" . | nindent 8 }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "foliot.selector" . | nindent 8 }}
{{- end -}}
