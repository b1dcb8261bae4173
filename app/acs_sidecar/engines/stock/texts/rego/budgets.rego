# Counters that the host keeps, below the limits of the section `budgets`.
package agt.budgets

import rego.v1

budget_counter_names := {"tool_call_count", "token_count", "elapsed_seconds", "cost_usd"}

reasons := {
	"tool_call_count": "budget_tool_calls_exceeded",
	"token_count": "budget_tokens_exceeded",
	"elapsed_seconds": "budget_timeout_exceeded",
	"cost_usd": "budget_cost_exceeded",
}

budget_counter_present(name) if {
	_ := input.snapshot.envelope.budgets[name]
}

malformed_budget_counter(name) if {
	name in budget_counter_names
	value := input.snapshot.envelope.budgets[name]
	not is_count(value)
}

is_count(value) if {
	is_number(value)
	value >= 0
}

budget_counter(name) := value if {
	value := input.snapshot.envelope.budgets[name]
	is_count(value)
} else := 0 if {
	not budget_counter_present(name)
}

tool_call_count := budget_counter("tool_call_count")

token_count := budget_counter("token_count")

elapsed_seconds := budget_counter("elapsed_seconds")

cost_usd := budget_counter("cost_usd")

max_tool_calls_exceeded(limit) if {
	is_number(limit)
	tool_call_count >= limit
}

max_tokens_exceeded(limit) if {
	is_number(limit)
	token_count >= limit
}

timeout_exceeded(limit) if {
	is_number(limit)
	elapsed_seconds >= limit
}

max_cost_exceeded(limit) if {
	is_number(limit)
	cost_usd >= limit
}

# The verdict of the published library: a counter that is not there counts as 0.
deny_if_budget_exceeded(thresholds) := refused("budget_counter_invalid", "a budget counter must be a number from 0 up") if {
	some name in budget_counter_names
	malformed_budget_counter(name)
} else := refused(reasons.tool_call_count, "tool_call_count reached its limit") if {
	max_tool_calls_exceeded(thresholds.tool_call_count)
} else := refused(reasons.token_count, "token_count reached its limit") if {
	max_tokens_exceeded(thresholds.token_count)
} else := refused(reasons.elapsed_seconds, "elapsed_seconds reached its limit") if {
	timeout_exceeded(thresholds.elapsed_seconds)
} else := refused(reasons.cost_usd, "cost_usd reached its limit") if {
	max_cost_exceeded(thresholds.cost_usd)
}

# The section `budgets`: each counter with a limit must be there, a number from 0 up, and below the limit.
gate(section) := refused("budget_counter_invalid", "a budget counter must be a number from 0 up") if {
	not counters_valid
} else := refused("budget_counter_missing", "a budget counter with a limit is not in envelope.budgets") if {
	counter_missing(section)
} else := refused(reasons.tool_call_count, "tool_call_count reached its limit") if {
	counters.tool_call_count >= section.tool_call_count
} else := refused(reasons.token_count, "token_count reached its limit") if {
	counters.token_count >= section.token_count
} else := refused(reasons.elapsed_seconds, "elapsed_seconds reached its limit") if {
	counters.elapsed_seconds >= section.elapsed_seconds
} else := refused(reasons.cost_usd, "cost_usd reached its limit") if {
	counters.cost_usd >= section.cost_usd
}

counters_valid if {
	is_count(object.get(counters, "tool_call_count", 0))
	is_count(object.get(counters, "token_count", 0))
	is_count(object.get(counters, "elapsed_seconds", 0))
	is_count(object.get(counters, "cost_usd", 0))
}

counter_missing(section) if {
	_ := section.tool_call_count
	object.get(counters, "tool_call_count", null) == null
}

counter_missing(section) if {
	_ := section.token_count
	object.get(counters, "token_count", null) == null
}

counter_missing(section) if {
	_ := section.elapsed_seconds
	object.get(counters, "elapsed_seconds", null) == null
}

counter_missing(section) if {
	_ := section.cost_usd
	object.get(counters, "cost_usd", null) == null
}

# What the host brings; anything but an object has no counter.
counters := input.snapshot.envelope.budgets if {
	is_object(input.snapshot.envelope.budgets)
} else := {}

refused(reason, message) := {"decision": "deny", "reason": reason, "message": message}
