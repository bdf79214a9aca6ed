{{/* The spec of a pod that tries whether every route leads through the tier and none around it. */}}
{{- define "wafer.verifyPod" -}}
{{- $name := printf "%s-verify" (include "wafer.name" .) -}}
serviceAccountName: {{ $name }}
restartPolicy: Never
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: verify
    image: {{ include "wafer.image" . }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args:
      - k8s
      - verify
      - --routes
      - /etc/wafer/routes/routes.yaml
      - --pods
      {{- if .Values.verify.through }}
      - --tier
      - {{ include "wafer.name" . }}.{{ .Release.Namespace }}:{{ .Values.service.port }}
      {{- end }}
      {{- range .Values.verify.unprotected }}
      - --unprotected
      - {{ . | quote }}
      {{- end }}
      {{- range .Values.verify.args }}
      - {{ . | quote }}
      {{- end }}
    resources:
      {{- toYaml .Values.verify.resources | nindent 6 }}
    {{- with .Values.securityContext }}
    securityContext:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    volumeMounts:
      - { name: routes, mountPath: /etc/wafer/routes, readOnly: true }
volumes:
  {{- include "wafer.routesVolume" . | nindent 2 }}
{{- end }}

{{/* Its service account, and the right to find the pods behind each origin Service; all with annotations. */}}
{{- define "wafer.verifyRights" -}}
{{- $ := index . 0 -}}
{{- $annotations := index . 1 -}}
{{- $name := printf "%s-verify" (include "wafer.name" $) -}}
{{- $labels := include "wafer.labels" $ -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  namespace: {{ $.Release.Namespace }}
  labels:
    {{- $labels | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- range prepend $.Values.verify.namespaces $.Release.Namespace | uniq }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $name }}
  namespace: {{ . }}
  labels:
    {{- $labels | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
rules:
  - { apiGroups: [""], resources: [services], verbs: [get] }
  - { apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $name }}
  namespace: {{ . }}
  labels:
    {{- $labels | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ $name }} }
subjects:
  - { kind: ServiceAccount, name: {{ $name }}, namespace: {{ $.Release.Namespace }} }
{{- end }}
{{- end }}
