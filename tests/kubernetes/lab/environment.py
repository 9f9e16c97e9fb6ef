"""A container's variables and words, as the kubelet makes them from a manifest."""
import re

import manifests
from volumes import Missing

_REFERENCE = re.compile(r"\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)")
_FIELD = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


def expand(text, variables):
    """$(NAME) by its value; what nobody set stays as it is; $$ is a dollar."""
    def value(match):
        if match.group(0) == "$$":
            return "$"
        return variables.get(match.group(1), match.group(0))
    return _REFERENCE.sub(value, text)


def field(pod, path):
    match = _FIELD.fullmatch(path)
    if match:
        return (pod.labels if match.group(1) == "labels" else pod.annotations).get(match.group(2), "")
    fixed = {"metadata.name": pod.name, "metadata.namespace": pod.namespace, "metadata.uid": pod.uid,
             "status.podIP": pod.ip, "status.podIPs": pod.ip, "status.hostIP": pod.host_ip,
             "spec.nodeName": pod.machine, "spec.serviceAccountName": "default"}
    if path not in fixed:
        raise manifests.Mistake("%s: the lab has no field %s" % (pod.name, path))
    return fixed[path]


def _resource(pod, container, source):
    name = source.get("containerName", container["name"])
    one = next(c for c in pod.declared() if c["name"] == name)
    kind, _, what = source["resource"].partition(".")
    text = one.get("resources", {}).get(kind, {}).get(what)
    if text is None:
        raise manifests.Mistake("%s: %s has no %s" % (pod.name, name, source["resource"]))
    return str(-(-manifests.amount(text) // manifests.amount(source.get("divisor", "1"))))


def _key(objects, kind, source):
    held = objects.find(kind, source["name"])
    data = manifests.content(held) if held else {}
    if source["key"] in data:
        return data[source["key"]].decode()
    if source.get("optional"):
        return None
    raise Missing("%s %s has no %s" % (kind, source["name"], source["key"]))


def _value(pod, container, objects, entry, variables):
    if "valueFrom" not in entry:
        return expand(str(entry.get("value", "")), variables)
    (kind, source), = entry["valueFrom"].items()
    if kind == "fieldRef":
        return field(pod, source["fieldPath"])
    if kind == "resourceFieldRef":
        return _resource(pod, container, source)
    return _key(objects, "Secret" if kind == "secretKeyRef" else "ConfigMap", source)


def _service_links(services):
    """What every pod is told about the Services that were there before it."""
    links = {}
    for service in services:
        ports = service["spec"].get("ports", [])
        address = service["spec"].get("clusterIP")
        if address in (None, "None") or not ports:
            continue
        name = service["metadata"]["name"].upper().replace("-", "_")
        links["%s_SERVICE_HOST" % name] = address
        links["%s_SERVICE_PORT" % name] = str(ports[0]["port"])
        links["%s_PORT" % name] = "tcp://%s:%d" % (address, ports[0]["port"])
        for port in ports:
            prefix = "%s_PORT_%d_TCP" % (name, port["port"])
            links.update({prefix: "tcp://%s:%d" % (address, port["port"]), prefix + "_PROTO": "tcp",
                          prefix + "_PORT": str(port["port"]), prefix + "_ADDR": address})
            if port.get("name"):
                links["%s_SERVICE_PORT_%s" % (name, port["name"].upper().replace("-", "_"))] = str(port["port"])
    return links


def variables(pod, container, objects, image):
    found = dict(image.environment, HOSTNAME=pod.hostname, HOME="/")
    if pod.spec.get("enableServiceLinks", True):
        found.update(_service_links(objects.services(pod.namespace)))
    for source in container.get("envFrom", []):
        kind, reference = ("Secret", source["secretRef"]) if "secretRef" in source \
            else ("ConfigMap", source["configMapRef"])
        held = objects.find(kind, reference["name"])
        if held is None and not reference.get("optional"):
            raise Missing("%s %s is missing" % (kind, reference["name"]))
        for name, data in (manifests.content(held) if held else {}).items():
            found[source.get("prefix", "") + name] = data.decode()
    for entry in container.get("env", []):
        value = _value(pod, container, objects, entry, found)
        if value is not None:
            found[entry["name"]] = value
    return found


def words(container, image, variables_):
    """What is run: command takes the place of the image's entry point and words, args that of its words."""
    command = container.get("command")
    args = container.get("args")
    if command is None:
        command = image.entrypoint
        args = image.command if args is None else args
    return [expand(str(word), variables_) for word in command + (args or [])]
