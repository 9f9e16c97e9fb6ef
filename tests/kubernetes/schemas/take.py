#!/usr/bin/python3
"""take.py SCHEMAS - write kubernetes.json anew: the schemas of the kinds below, and what they refer
to, without descriptions, out of a folder of JSON schemas of Kubernetes' API (one file a kind, with
references into _definitions.json)."""
import json
import os
import sys

KINDS = {
    "configmap-v1": "v1/ConfigMap", "secret-v1": "v1/Secret", "service-v1": "v1/Service",
    "namespace-v1": "v1/Namespace", "deployment-apps-v1": "apps/v1/Deployment",
    "statefulset-apps-v1": "apps/v1/StatefulSet", "job-batch-v1": "batch/v1/Job",
    "poddisruptionbudget-policy-v1": "policy/v1/PodDisruptionBudget",
    "networkpolicy-networking-v1": "networking.k8s.io/v1/NetworkPolicy",
}
ELSEWHERE = "_definitions.json#/definitions/"


def shorten(schema, referred):
    """The schema without descriptions, with references into its own file."""
    if isinstance(schema, list):
        return [shorten(item, referred) for item in schema]
    if not isinstance(schema, dict):
        return schema
    short = {}
    for key, value in schema.items():
        if key == "$ref":
            name = value.rsplit("/", 1)[1]
            referred.add(name)
            short[key] = "#/definitions/" + name
        elif key == "properties":
            short[key] = {name: shorten(item, referred) for name, item in value.items()}
        elif key != "description":
            short[key] = shorten(value, referred)
    return short


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "_definitions.json"), encoding="utf-8") as file:
        definitions = json.load(file)["definitions"]
    kinds, taken, waiting = {}, {}, set()
    for name, kind in KINDS.items():
        with open(os.path.join(folder, name + ".json"), encoding="utf-8") as file:
            kinds[kind] = shorten(json.load(file), waiting)
    while waiting - set(taken):
        name = (waiting - set(taken)).pop()
        taken[name] = shorten(definitions[name], waiting)
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "kubernetes.json"), "w", encoding="utf-8") as file:
        json.dump({"kinds": kinds, "definitions": taken}, file, indent=1, sort_keys=True)
        file.write("\n")


main()
