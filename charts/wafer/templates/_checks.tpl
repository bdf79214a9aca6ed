{{/*
What the schema cannot say: values that do not go together. Each message names the values and what to do.
*/}}
{{- define "wafer.checks" -}}
{{- $v := .Values -}}
{{- $sources := list -}}
{{- range $key := list "inline" "text" "existingConfigMap" "existingSecret" -}}
{{- if index $v.routes $key }}{{ $sources = append $sources (printf "routes.%s" $key) }}{{ end -}}
{{- end -}}
{{- if gt (len $sources) 1 }}{{ fail (printf "the route file is one of these: %s" (join ", " $sources)) }}{{ end -}}
{{- if and $v.routes.files (or $v.routes.existingConfigMap $v.routes.existingSecret) -}}
{{ fail "routes.files belong into the ConfigMap or Secret that has the route file: only the chart's own gets them" }}
{{- end -}}
{{- if hasKey $v.routes.files "routes.yaml" }}{{ fail "routes.files: the route file itself is routes.inline or routes.text" }}{{ end -}}
{{- with $v.routes.text -}}
{{- with (fromYaml .).Error }}{{ fail (printf "routes.text is not YAML: %s" .) }}{{ end -}}
{{- end -}}
{{- if and $v.autoscaling.enabled $v.keda.enabled -}}
{{ fail "autoscaling and keda would both set the number of replicas: enable one of them" }}
{{- end -}}
{{- if and $v.autoscaling.requests.enabled (not $v.autoscaling.enabled) -}}
{{ fail "autoscaling.requests adds to autoscaling: set autoscaling.enabled too" }}
{{- end -}}
{{- $name := "app.kubernetes.io/name" -}}
{{- range $key := list "labels" "podLabels" -}}
{{- if hasKey (index $v $key) $name }}{{ fail (printf "%s: %s selects the pods and is the chart's" $key $name) }}{{ end -}}
{{- end -}}
{{- range $key := list "containers" "volumes" "serviceAccountName" "automountServiceAccountToken" "enableServiceLinks" "terminationGracePeriodSeconds" "imagePullSecrets" "securityContext" "priorityClassName" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" -}}
{{- if hasKey $v.podSpec $key }}{{ fail (printf "podSpec.%s: the chart sets it, by other values" $key) }}{{ end -}}
{{- end -}}
{{- with $v.boot.listeners -}}
{{- $port := include "wafer.port" (list "listen" $v.boot.listen) -}}
{{- $there := false -}}
{{- range . }}{{ if hasSuffix (printf ":%s" $port) .address }}{{ $there = true }}{{ end }}{{ end -}}
{{- if not $there }}{{ fail (printf "boot.listeners: none is on port %s, which boot.listen says that the Service leads to" $port) }}{{ end -}}
{{- end -}}
{{- if not $v.existingBootConfigMap }}{{ include "wafer.checkGrace" . }}{{ end -}}
{{- end }}

{{/* The drain has to end before the kubelet ends the pod. */}}
{{- define "wafer.checkGrace" -}}
{{- $delay := include "wafer.seconds" .Values.boot.drain_delay -}}
{{- $grace := include "wafer.seconds" .Values.boot.shutdown_grace -}}
{{- if and $delay $grace -}}
{{- $need := add .Values.preStopSeconds $delay $grace 5 -}}
{{- if lt (int .Values.terminationGracePeriodSeconds) (int $need) -}}
{{ fail (printf "terminationGracePeriodSeconds: %d is less than preStopSeconds, boot.drain_delay, boot.shutdown_grace and 5 s take: %d" (int .Values.terminationGracePeriodSeconds) (int $need)) }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A duration in seconds; nothing if it is not written in whole minutes or seconds. */}}
{{- define "wafer.seconds" -}}
{{- if regexMatch "^[0-9]+s$" . }}{{ trimSuffix "s" . }}
{{- else if regexMatch "^[0-9]+m$" . }}{{ mul 60 (trimSuffix "m" .) }}
{{- end -}}
{{- end }}
