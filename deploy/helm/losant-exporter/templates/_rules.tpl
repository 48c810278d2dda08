{{/* Rules with what the values change: thresholds, and single alerts. */}}
{{- define "losant-exporter.rules" -}}
{{- $values := .values -}}
{{- $kept := list -}}
{{- range $rule := .rules -}}
{{- if $rule.alert -}}
{{- $change := dig $rule.alert dict $values.alerts -}}
{{- if dig "enabled" true $change -}}
{{- $labels := merge dict (dig "labels" dict $change) $values.alertLabels $rule.labels -}}
{{- with $change.severity -}}
{{- $labels = set $labels "severity" . -}}
{{- end -}}
{{- $rule = set $rule "labels" $labels -}}
{{- with $change.for -}}
{{- $rule = set $rule "for" . -}}
{{- end -}}
{{- $annotations := $rule.annotations -}}
{{- $dashboard := $annotations.dashboard_url | replace "http://localhost:3000" (trimSuffix "/" $values.dashboardUrl) -}}
{{- $runbook := printf "%s/%s.md" (trimSuffix "/" $values.runbookUrl) $rule.alert -}}
{{- $rule = set $rule "annotations" (merge (dict "dashboard_url" $dashboard "runbook_url" $runbook) $annotations) -}}
{{- $kept = append $kept $rule -}}
{{- end -}}
{{- else -}}
{{- $threshold := regexReplaceAll "^losant:(.+):threshold$" $rule.record "${1}" -}}
{{- if hasKey $values.thresholds $threshold -}}
{{- $rule = set $rule "expr" (printf "vector(%s)" (get $values.thresholds $threshold | toString)) -}}
{{- end -}}
{{- $kept = append $kept $rule -}}
{{- end -}}
{{- end -}}
{{- toYaml $kept -}}
{{- end -}}
