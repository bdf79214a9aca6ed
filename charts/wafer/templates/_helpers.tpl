{{/*
The name of everything: that of the release if it says "wafer" already. Names that end in -routes, -boot
and so on have to fit too.
*/}}
{{- define "wafer.name" -}}
{{- $base := .Values.nameOverride | default "wafer" -}}
{{- $name := contains $base .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $base) -}}
{{- .Values.fullnameOverride | default $name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{/*
What selects the tier's pods, and nothing that a later version could want to change: selectors are
immutable. The label is the release's own name, so two releases in a namespace keep apart, and the Services that
"wafer k8s protect" leads here select one of them.
*/}}
{{- define "wafer.selector" -}}
app.kubernetes.io/name: {{ include "wafer.name" . }}
{{- end }}

{{/* Labels of every object, but not of pods: a new version of the chart alone is no rollout. */}}
{{- define "wafer.labels" -}}
{{ include "wafer.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What the metadata of every object begins with: a name, made of the chart's with an end, and the labels. */}}
{{- define "wafer.metadata" -}}
{{- $ := index . 0 -}}
name: {{ include "wafer.name" $ }}{{ index . 1 }}
namespace: {{ $.Release.Namespace }}
labels:
  {{- include "wafer.labels" $ | nindent 2 }}
{{- end }}

{{- define "wafer.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "wafer.name" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "wafer.image" -}}
{{- with .Values.image -}}
{{ with .registry }}{{ trimSuffix "/" . }}/{{ end }}{{ .repository }}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* The number of a listener's port. */}}
{{- define "wafer.port" -}}
{{- $address := index . 1 -}}
{{- $port := regexFind "[0-9]+$" $address -}}
{{- if not $port }}{{ fail (printf "boot.%s: %q does not end in the number of a port" (index . 0) $address) }}{{ end -}}
{{ $port }}
{{- end }}

{{/* Boot settings: the values, where the route file is, and whom a pod asks for the last good configuration. */}}
{{- define "wafer.boot" -}}
{{- $own := dict "routes" "/etc/wafer/routes/routes.yaml" -}}
{{- if .Values.boot.last_good -}}
{{- $admin := printf "%s-admin:%s" (include "wafer.name" .) (include "wafer.port" (list "admin" .Values.boot.admin)) -}}
{{- $_ := set $own "last_good" (dict "peers" (list $admin)) -}}
{{- end -}}
{{- $boot := mergeOverwrite $own (deepCopy .Values.boot) -}}
{{- if and .Values.tls.enabled (not $boot.listeners) -}}
{{- $pair := dict "cert" "/etc/wafer/tls/tls.crt" "key" "/etc/wafer/tls/tls.key" -}}
{{- $https := dict "name" "https" "address" (printf ":%v" .Values.tls.port) "tls" (dict "certificates" (list $pair)) -}}
{{- $_ := set $boot "listeners" (list (dict "name" "http" "address" $boot.listen) $https) -}}
{{- end -}}
{{- if $boot.listeners }}{{ $_ := unset $boot "listen" }}{{ end -}}
{{ $boot | toYaml }}
{{- end }}

{{- define "wafer.bootConfigMap" -}}
{{ .Values.existingBootConfigMap | default (printf "%s-boot" (include "wafer.name" .)) }}
{{- end }}

{{/* The volume with the route file: a folder, because a file mounted by subPath never changes. */}}
{{- define "wafer.routesVolume" -}}
- name: routes
{{- if .Values.routes.existingSecret }}
  secret:
    secretName: {{ .Values.routes.existingSecret }}
{{- else }}
  configMap:
    name: {{ .Values.routes.existingConfigMap | default (printf "%s-routes" (include "wafer.name" .)) }}
{{- end }}
{{- end }}

{{/* A probe of the admin listener, by TLS if that speaks it. */}}
{{- define "wafer.probe" -}}
{{- $probe := deepCopy (index . 0) -}}
{{- if and ((index . 1).boot.admin_tls | default dict).cert (hasKey $probe "httpGet") -}}
{{- $_ := set $probe "httpGet" (merge $probe.httpGet (dict "scheme" "HTTPS")) -}}
{{- end -}}
{{- toYaml $probe -}}
{{- end -}}
