{{/*
The configuration as TOML. Helm's own toToml would write whole numbers as floats, which the exporter refuses: a number that comes
from YAML is a float to Helm. Strings and lists of them look the same in JSON and in TOML.
*/}}

{{- define "losant-exporter.config" -}}
# Rendered from `config` of the chart's values.
{{- include "losant-exporter.config.table" (dict "path" "" "table" .Values.config) }}
{{ end -}}

{{/* A table: its own keys, and then the tables in it. */}}
{{- define "losant-exporter.config.table" -}}
{{- $lines := list -}}
{{- range $key, $value := .table -}}
{{- if not (or (kindIs "map" $value) (kindIs "invalid" $value)) -}}
{{- $lines = append $lines (printf "%s = %s" (include "losant-exporter.config.key" $key) (include "losant-exporter.config.value" $value)) -}}
{{- end -}}
{{- end -}}
{{- if and $lines .path }}

[{{ .path }}]
{{- end -}}
{{- range $lines }}
{{ . }}
{{- end -}}
{{- $path := .path -}}
{{- range $key, $value := .table -}}
{{- if kindIs "map" $value -}}
{{- $name := include "losant-exporter.config.key" $key -}}
{{- include "losant-exporter.config.table" (dict "path" (ternary $name (printf "%s.%s" $path $name) (eq $path "")) "table" $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "losant-exporter.config.key" -}}
{{- if regexMatch "^[A-Za-z0-9_-]+$" . -}}{{ . }}{{- else -}}{{ toRawJson . }}{{- end -}}
{{- end -}}

{{- define "losant-exporter.config.value" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}{{ int64 . }}{{- else -}}{{ toRawJson . }}{{- end -}}
{{- end -}}
