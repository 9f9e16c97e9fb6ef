{{- define "muster.watcher" -}}
- name: watcher
  {{- include "muster.image" . | nindent 2 }}
  {{- if .Values.cluster.nativeSidecar }}
  restartPolicy: Always
  {{- end }}
  command:
    - muster-watcher
  env:
    {{- if .Values.cluster.nativeSidecar }}
    # memcached's preStop leaves. A watcher that is restarted alone takes no node away.
    - name: MUSTER_STAY
      value: "true"
    {{- end }}
    # What bounds it is the pod's: preStop and the grace, whatever rollout.drain is.
    - name: MUSTER_LEAVE_TIMEOUT
      value: 72h
    - name: POD_NAMESPACE
      valueFrom:
        fieldRef:
          fieldPath: metadata.namespace
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
    - name: POD_IP
      valueFrom:
        fieldRef:
          fieldPath: status.podIP
    - name: MUSTER_MODE
      value: sidecar
    - name: MUSTER_CLUSTER
      value: {{ .Values.cluster.name }}
    - name: MUSTER_HOST
      value: $(POD_NAME)
    - name: MUSTER_IDENTITY
      value: $(POD_NAMESPACE)/$(POD_NAME)
    - name: MUSTER_ORDINAL
      valueFrom:
        fieldRef:
          fieldPath: metadata.labels['apps.kubernetes.io/pod-index']
    - name: MUSTER_ZONE
      valueFrom:
        fieldRef:
          fieldPath: metadata.labels['topology.kubernetes.io/zone']
    - name: MUSTER_MEMCACHED_ADDRESS
      value: $(POD_IP):11211
    - name: MUSTER_PARTITION
      value: /muster/partition
    - name: MUSTER_STATE_DIR
      value: /var/lib/muster
    - name: MUSTER_TRUSTED_KEYS
      value: /etc/muster/trusted/trusted.pub
    {{- include "muster.etcdEnv" . | nindent 4 }}
    - name: MUSTER_LEAVE_FILE
      value: /muster/leave
    - name: MUSTER_ADMIN_LISTEN
      value: $(POD_IP):11281
    {{- if .Values.cluster.joinThroughPeers }}
    - name: MUSTER_JOIN
      value: {{ .Values.cluster.name }}-nodes
    - name: MUSTER_TOKEN_FILE
      value: /etc/muster/join/{{ .Values.cluster.name }}
    - name: MUSTER_JOIN_TOKENS
      value: /etc/muster/join
    {{- end }}
  ports:
    - name: discovery
      containerPort: 11210
      protocol: TCP
    - name: admin
      containerPort: 11281
      protocol: TCP
  startupProbe:
    httpGet:
      path: /healthz
      port: admin
    periodSeconds: 1
    timeoutSeconds: 1
    failureThreshold: 60
  readinessProbe:
    httpGet:
      path: /readyz
      port: admin
    periodSeconds: 2
    timeoutSeconds: 2
    failureThreshold: 2
  livenessProbe:
    httpGet:
      path: /healthz
      port: admin
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  resources:
    requests:
      cpu: 20m
      memory: 96Mi
    limits:
      memory: 96Mi
  {{- include "muster.container" . | nindent 2 }}
  volumeMounts:
    - name: muster
      mountPath: /muster
    - name: state
      mountPath: /var/lib/muster
    - name: trusted-keys
      mountPath: /etc/muster/trusted
      readOnly: true
    {{- include "muster.etcdMount" . | nindent 4 }}
    {{- if .Values.cluster.joinThroughPeers }}
    - name: join-token
      mountPath: /etc/muster/join
      readOnly: true
    {{- end }}
{{- end }}
