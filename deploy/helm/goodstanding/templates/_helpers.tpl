{{- define "goodstanding.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "goodstanding.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "goodstanding.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "goodstanding.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The processes of this release. */}}
{{- define "goodstanding.processes" -}}
ingest scorer retention benefits{{ if .Values.portal.enabled }} portal{{ end }}
{{- end }}

{{- define "goodstanding.selectorLabels" -}}
app.kubernetes.io/name: {{ include "goodstanding.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "goodstanding.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "goodstanding.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: goodstanding
{{- end }}

{{- define "goodstanding.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{- define "goodstanding.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "goodstanding.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What all processes are given. Call with (dict "root" $ "user" NAME "password" FILE). */}}
{{- define "goodstanding.environment" -}}
{{- $values := .root.Values -}}
- {name: GOODSTANDING_KAFKA, value: {{ required "kafka.bootstrapServers must be set: host:port of the brokers" $values.kafka.bootstrapServers | quote }}}
- {name: GOODSTANDING_KAFKA_SECURITY_PROTOCOL, value: {{ $values.kafka.securityProtocol | quote }}}
{{- if hasPrefix "SASL" $values.kafka.securityProtocol }}
- {name: GOODSTANDING_KAFKA_SASL_MECHANISM, value: {{ $values.kafka.saslMechanism | quote }}}
- {name: GOODSTANDING_KAFKA_USER, value: {{ .user | quote }}}
- {name: GOODSTANDING_KAFKA_PASSWORD_FILE, value: /run/secrets/{{ .password }}}
{{- end }}
- {name: GOODSTANDING_PARTITIONS, value: {{ $values.kafka.partitions | quote }}}
{{- with $values.kafka.prefix }}
- {name: GOODSTANDING_KAFKA_PREFIX, value: {{ . | quote }}}
{{- end }}
{{- if hasSuffix "SSL" $values.kafka.securityProtocol }}
- {name: GOODSTANDING_KAFKA_CA_FILE, value: /run/secrets/ca.pem}
{{- end }}
- {name: GOODSTANDING_ZONE, value: {{ $values.settings.zone | quote }}}
- {name: GOODSTANDING_CURRENCY, value: {{ $values.settings.currency | quote }}}
- {name: GOODSTANDING_RETENTION_PROFILE, value: {{ $values.settings.retentionProfile | quote }}}
{{- if $values.partners }}
- {name: GOODSTANDING_PARTNERS, value: /etc/goodstanding/partners}
{{- end }}
{{- if $values.policies }}
- {name: GOODSTANDING_POLICIES, value: /etc/goodstanding/policies}
{{- end }}
- {name: PGPASSFILE, value: /tmp/pgpass}
{{- end }}

{{/* The host, port, database and pooler of the Postgres that a service is on, as YAML. Call with (dict "root" $ "service"
     NAME); a name that is no service's has the server of all that have none of their own. */}}
{{- define "goodstanding.postgresOf" -}}
{{- $common := pick .root.Values.postgres "host" "port" "database" "pooler" -}}
{{- $_ := required "postgres.host must be set" $common.host -}}
{{- with index .root.Values.postgres.apart .service -}}
{{- toYaml (mergeOverwrite (deepCopy $common) (dict "pooler" "") .) -}}
{{- else -}}
{{- toYaml $common -}}
{{- end -}}
{{- end }}

{{/* The address of a service's Postgres. Call with (dict "root" $ "service" NAME "role" NAME "pooled" BOOL). */}}
{{- define "goodstanding.dsn" -}}
{{- $mode := .root.Values.postgres.sslmode -}}
{{- $its := include "goodstanding.postgresOf" (dict "root" .root "service" .service) | fromYaml -}}
{{- $direct := printf "%s:%d" $its.host (int $its.port) -}}
postgres://{{ .role }}@{{ .pooled | ternary (default $direct $its.pooler) $direct }}/{{ $its.database }}?sslmode={{ $mode }}
{{- if hasPrefix "verify" $mode }}&sslrootcert=/run/secrets/ca.pem{{ end }}
{{- end }}

{{/* Files of partners and policies. Call with (dict "root" $ "prefix" NAME). */}}
{{- define "goodstanding.fileMounts" -}}
{{- range $kind := list "partners" "policies" }}
{{- if index $.root.Values $kind }}
- {name: {{ $kind }}, mountPath: /etc/goodstanding/{{ $kind }}, readOnly: true}
{{- end }}
{{- end }}
{{- end }}

{{- define "goodstanding.fileVolumes" -}}
{{- range $kind := list "partners" "policies" }}
{{- with index $.root.Values $kind }}
- name: {{ $kind }}
  configMap:
    name: {{ $.prefix }}-{{ $kind }}
    items:
      {{- range $name, $text := . }}
      - {key: {{ replace "/" "__" $name | quote }}, path: {{ $name | quote }}}
      {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "goodstanding.files" -}}
{{- range $name, $text := . }}
{{ replace "/" "__" $name | quote }}: {{ $text | toJson }}
{{- end }}
{{- end }}
