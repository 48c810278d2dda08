{{/* The pod, which Deployment and StatefulSet have in common. */}}

{{- define "losant-exporter.pod" -}}
metadata:
  labels:
    {{- include "losant-exporter.labels" . | nindent 4 }}
    app.kubernetes.io/component: exporter
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: exporter
    # Another configuration, other pods.
    checksum/config: {{ include "losant-exporter.config" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "losant-exporter.serviceAccountName" . }}
  automountServiceAccountToken: false
  # A Service of the same name would put LOSANT_EXPORTER_PORT and others into the environment.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
  - name: exporter
    image: {{ include "losant-exporter.image" . | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args:
    - serve
    - --config.file=/etc/losant-exporter/config.toml
    {{- range .Values.extraArgs }}
    - {{ . | quote }}
    {{- end }}
    {{- if or (gt (int .Values.shards) 1) .Values.extraEnv }}
    env:
    {{- if gt (int .Values.shards) 1 }}
    # The number at the end of the name is that of the shard.
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
    - name: LOSANT_EXPORTER__SHARDING__SHARDS
      value: {{ .Values.shards | int | quote }}
    {{- end }}
    {{- with .Values.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- end }}
    ports:
    - name: http-metrics
      containerPort: {{ include "losant-exporter.port" . }}
      protocol: TCP
    {{- with .Values.livenessProbe }}
    livenessProbe:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .Values.readinessProbe }}
    readinessProbe:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .Values.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .Values.securityContext }}
    securityContext:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    volumeMounts:
    - name: config
      mountPath: /etc/losant-exporter
      readOnly: true
    {{- if .Values.existingSecret.name }}
    - name: token
      mountPath: /var/run/secrets/losant-exporter
      readOnly: true
    {{- end }}
    {{- with .Values.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  volumes:
  - name: config
    configMap:
      name: {{ include "losant-exporter.fullname" . }}-config
  {{- with .Values.existingSecret }}
  {{- if .name }}
  - name: token
    secret:
      secretName: {{ .name }}
      defaultMode: 0440
      items:
      - key: {{ .key }}
        path: token
      {{- with .items }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
  {{- end }}
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else if gt (int .Values.shards) 1 }}
  # A node or a zone that goes takes as few shards with it as can be.
  topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "losant-exporter.selectorLabels" $ | nindent 8 }}
  {{- end }}
  {{- end }}
{{- end -}}
