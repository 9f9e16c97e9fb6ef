{{/* Labels of an object: a dict with name, component or instance, and root. */}}
{{- define "muster.labels" -}}
app.kubernetes.io/name: {{ .name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- with .instance }}
app.kubernetes.io/instance: {{ . }}
{{- end }}
app.kubernetes.io/part-of: muster
{{- end }}

{{- define "muster.objectLabels" -}}
{{ include "muster.labels" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "muster.nodeSelector" -}}
app.kubernetes.io/name: memcached
app.kubernetes.io/instance: {{ .Values.cluster.name }}
{{- end }}

{{- define "muster.nodeLabels" -}}
{{ include "muster.objectLabels" (dict "root" . "name" "memcached" "instance" .Values.cluster.name) }}
{{- end }}

{{- define "muster.image" -}}
image: {{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- if ne .Values.image.pullPolicy "IfNotPresent" }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}
{{- end }}

{{/* Of a pod: nobody's rights, and nothing of Kubernetes' API. A Service called muster-… would set
variables that the programs take for their options. */}}
{{- define "muster.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- if not .root.Values.openshift }}
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "muster.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop:
      - ALL
{{- end }}

{{/* Where names are asked for; OpenShift's DNS listens elsewhere than its Service. */}}
{{- define "muster.dnsPorts" -}}
{{- range $port := ternary (list 53 5353) (list 53) .Values.openshift }}
- protocol: UDP
  port: {{ $port }}
- protocol: TCP
  port: {{ $port }}
{{- end }}
{{- end }}

{{/* Where etcd is asked. */}}
{{- define "muster.etcdPorts" -}}
{{- $ports := list }}
{{- range .Values.etcd.endpoints }}
{{- $usual := ternary "443" "80" (hasPrefix "https:" .) }}
{{- $ports = append $ports (regexFind ":[0-9]+$" . | trimPrefix ":" | default $usual) }}
{{- end }}
{{- range uniq ($ports | default (list "2379")) }}
- protocol: TCP
  port: {{ . }}
{{- end }}
{{- end }}

{{- define "muster.etcdEndpoints" -}}
{{- if .Values.etcd.enabled -}}
{{- range $i := until (int .Values.etcd.replicas) }}{{ if $i }},{{ end }}http://muster-etcd-{{ $i }}.muster-etcd:2379{{ end -}}
{{- else -}}
{{- if not .Values.etcd.endpoints }}{{ fail "etcd.endpoints is needed where etcd.enabled is false and controller.enabled is true" }}{{ end -}}
{{ join "," .Values.etcd.endpoints }}
{{- end -}}
{{- end }}

{{/* Where settings say nothing of certificates, etcd is spoken to in plain text. */}}
{{- define "muster.etcdEnv" -}}
- name: MUSTER_ETCD_ENDPOINTS
  valueFrom:
    configMapKeyRef:
      name: muster-settings
      key: etcd-endpoints
{{- range $part := list "ca" "cert" "key" }}
- name: MUSTER_ETCD_{{ upper $part }}
  valueFrom:
    configMapKeyRef:
      name: muster-settings
      key: etcd-{{ $part }}
      optional: true
{{- end }}
{{- end }}

{{- define "muster.etcdMount" -}}
- name: etcd-client
  mountPath: /etc/muster/etcd
  readOnly: true
{{- end }}

{{- define "muster.etcdVolume" -}}
- name: etcd-client
  secret:
    secretName: {{ .Values.etcd.clientSecret | default "muster-etcd-client" }}
    optional: true
    defaultMode: 0440
{{- end }}

{{- define "muster.spread" -}}
- maxSkew: 1
  topologyKey: {{ .key }}
  whenUnsatisfiable: {{ .when }}
  labelSelector:
    matchLabels:
      {{- .labels | nindent 6 }}
{{- end }}

{{/* Until the list without a leaver is known, until it is drained, and 45 s: a leader's change, and
memcached's end. */}}
{{- define "muster.graceSeconds" -}}
{{ add .Values.cluster.convergeSeconds .Values.cluster.drainSeconds 45 }}
{{- end }}

{{/* 15 s less, for memcached to end. */}}
{{- define "muster.leaveSeconds" -}}
{{ add .Values.cluster.convergeSeconds .Values.cluster.drainSeconds 30 }}
{{- end }}

{{/* Memory for items and a quarter of it, 64 MiB, 64 KiB a connection, and 2 MiB a thread, in whole MiB. */}}
{{- define "muster.memcachedMemory" -}}
{{- $quarter := div (add .Values.cluster.memoryMi 3) 4 -}}
{{- $connections := div (add .Values.cluster.maxConnections 15) 16 -}}
{{ add .Values.cluster.memoryMi $quarter 64 $connections (mul 2 .Values.cluster.threads) }}Mi
{{- end }}

{{- define "muster.joinToken" -}}
{{ .Values.secrets.joinToken | default (printf "%s-join-token" .Values.cluster.name) }}
{{- end }}

{{- define "muster.spec" -}}
apiVersion: muster/v1
kind: MemcachedCluster
metadata:
  name: {{ .Values.cluster.name }}
spec:
  membership: joined
  nodes: {{ .Values.cluster.nodes }}
  maxNodes: {{ .Values.cluster.maxNodes }}
  memory: {{ .Values.cluster.memoryMi }}Mi
  threads: {{ .Values.cluster.threads }}
  maxConnections: {{ .Values.cluster.maxConnections }}
  maxItemSize: {{ .Values.cluster.maxItemSizeMi }}Mi
  rollout:
    maxUnavailable: {{ .Values.cluster.maxUnavailable }}
    drain: {{ .Values.cluster.drainSeconds }}s
    drainEnds: {{ .Values.cluster.drainEnds }}
    convergeTimeout: {{ .Values.cluster.convergeSeconds }}s
  {{- with .Values.cluster.domain }}
  endpoint:
    domain: {{ . }}
  {{- end }}
{{- end }}
