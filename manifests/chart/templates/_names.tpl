{{- /* An image by digest, or by tag, which is the chart's where none is given. */}}
{{- define "logtap.image" -}}
{{- $chart := (index . 0).Chart -}}
{{- with index . 1 -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Namespaces whose pods the API server never sends. */}}
{{- define "logtap.excluded" -}}
{{- concat (list "kube-system" "kube-public" "kube-node-lease") .Values.excludeNamespaces (list .Release.Namespace) | join ", " -}}
{{- end -}}
