{{- define "acs.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "acs.selector" -}}
app.kubernetes.io/name: acs-sidecar
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "acs.labels" -}}
{{ include "acs.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "acs.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "acs.configMap" -}}
{{- .Values.existingConfigMap | default (printf "%s-manifests" (include "acs.name" .)) -}}
{{- end -}}
