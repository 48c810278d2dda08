{{/* Names, labels and the image. */}}

{{- define "losant-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Shorter than names may be: some of what is made gets a suffix. */}}
{{- define "losant-exporter.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "losant-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "losant-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "losant-exporter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "losant-exporter.selectorLabels" . }}
app.kubernetes.io/part-of: losant-exporter
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "losant-exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "losant-exporter.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "losant-exporter.image" -}}
{{- $repository := printf "%s/%s" .Values.image.registry .Values.image.repository | trimPrefix "/" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The port of the container: that of the first address it listens on. */}}
{{- define "losant-exporter.port" -}}
{{- regexFind "[0-9]+$" (first .Values.config.web.listen_addresses) -}}
{{- end -}}

{{/* What contradicts itself is refused before anything is made. */}}
{{- define "losant-exporter.validate" -}}
{{- if and (gt (int .Values.shards) 1) (ne (int .Values.replicaCount) 1) -}}
{{- fail "replicaCount: with several shards each has one replica; leave it at 1" -}}
{{- end -}}
{{- if hasKey .Values.config "sharding" -}}
{{- fail "config.sharding: set `shards` instead, from which the number of pods follows too" -}}
{{- end -}}
{{- end -}}
