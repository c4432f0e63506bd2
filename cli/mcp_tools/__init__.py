"""Tools of MCP servers for the terminal tools: --mcp FILE, --mcp-allow NAME."""

from cli.mcp_tools.options import add_options, check_usage, opened

__all__ = ["add_options", "check_usage", "opened"]
