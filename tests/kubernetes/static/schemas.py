"""Whether a document is what its kind's schema says, unknown fields refused."""
import json
import os

import jsonschema

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "schemas")


class Schemas:
    def __init__(self):
        self.validators = {}
        for name in ("kubernetes.json", "others.json"):
            with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
                content = json.load(file)
            resolver = jsonschema.RefResolver("", content)
            for kind, schema in content["kinds"].items():
                self.validators[kind] = jsonschema.Draft7Validator(schema, resolver=resolver)

    def mistakes(self, document):
        """What is wrong with it, one line each."""
        kind = "%s/%s" % (document.get("apiVersion"), document.get("kind"))
        if kind not in self.validators:
            return ["there is no schema for %s" % kind]
        return ["%s %s: %s" % (document.get("metadata", {}).get("name"),
                               "/".join(str(step) for step in mistake.absolute_path), mistake.message)
                for mistake in self.validators[kind].iter_errors(document)]
