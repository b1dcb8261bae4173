"""The member tables of everything that manifests can use in this process, in one catalog."""

from collections.abc import Iterator, Mapping

from acs_sidecar.annotators import endpoint
from acs_sidecar.annotators.classifier import members as classifier
from acs_sidecar.annotators.llm import members as llm
from acs_sidecar.engines import fixed_members
from acs_sidecar.engines.adapters.custom import OWN_ADAPTERS, load_adapters
from acs_sidecar.engines.cedar import members as cedar
from acs_sidecar.engines.rego import members as rego
from acs_sidecar.resolvers import command, webhook
from acs_sidecar.spec.manifest.declaration import MemberTable
from acs_sidecar.spec.manifest.member_catalog import MemberCatalog
from acs_sidecar.spec.manifest.members import AnnotatorKind, PolicyKind
from acs_sidecar.spec.ports import Adapter

__all__ = ["installed_members", "member_catalog"]


def member_catalog(adapters: Mapping[str, Adapter]) -> MemberCatalog:
    """Return the catalog of the built-in types and of `adapters`."""
    return MemberCatalog(
        policies={
            PolicyKind.REGO: rego.MEMBERS,
            PolicyKind.CEDAR: cedar.MEMBERS,
            PolicyKind.TEST: fixed_members.MEMBERS,
        },
        origins={PolicyKind.REGO: (*rego.ORIGINS, "library"), PolicyKind.CEDAR: (*cedar.ORIGINS, "library")},
        bindings={PolicyKind.REGO: rego.BIND_MEMBERS, PolicyKind.CEDAR: cedar.BIND_MEMBERS},
        adapters=_AdapterTables(adapters),
        annotators={
            AnnotatorKind.CLASSIFIER: classifier.MEMBERS,
            AnnotatorKind.LLM: llm.MEMBERS,
            AnnotatorKind.ENDPOINT: endpoint.MEMBERS,
        },
        providers={
            AnnotatorKind.CLASSIFIER: classifier.PROVIDER_MEMBERS,
            AnnotatorKind.LLM: llm.PROVIDER_MEMBERS,
        },
        resolvers={"webhook": webhook.MEMBERS, "command": command.MEMBERS, "token": {}, "console": {}},
        built_in=OWN_ADAPTERS,
    )


def installed_members() -> MemberCatalog:
    """Return the catalog with every installed adapter. Raises `AdapterError`."""
    return member_catalog(load_adapters())


class _AdapterTables(Mapping[str, MemberTable]):
    """The member table of each adapter, read where a manifest uses it: until then it need not be loaded."""

    def __init__(self, adapters: Mapping[str, Adapter]) -> None:
        self._adapters = adapters

    def __getitem__(self, name: str) -> MemberTable:
        return self._adapters[name].members

    def __iter__(self) -> Iterator[str]:
        return iter(self._adapters)

    def __len__(self) -> int:
        return len(self._adapters)

    def __reduce__(self) -> tuple[type[dict[str, MemberTable]], tuple[dict[str, MemberTable]]]:
        """Write all tables, for a process that has no adapters."""
        return dict, (dict(self),)
