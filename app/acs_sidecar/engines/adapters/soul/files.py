"""The names of governance files (sections 11.2, 11.7)."""

__all__ = ["GOVERNANCE_FILES", "GUARDED_FILES"]

GOVERNANCE_FILES = (
    "SOUL.md",
    "system-prompt.md",
    "SYSTEM_PROMPT.md",
    ".cursorrules",
    ".github/copilot-instructions.md",
    "CLAUDE.md",
    ".clinerules",
    "instructions.md",
    "constitution.md",
    "agent-config.yaml",
)
"""Where a governance file is looked for, the first that exists first."""

GUARDED_FILES = (
    *GOVERNANCE_FILES,
    "AGENTS.md",
    "GEMINI.md",
    ".windsurfrules",
    "sekuire.yml",
    "sekuire.yaml",
    "sekuire.json",
)
"""What an agent may not rewrite, whatever its policy names besides."""
