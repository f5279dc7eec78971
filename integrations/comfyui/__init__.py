"""ComfyUI node pack of lipblend: crop, composite and evaluate on the VIDEO type.

ComfyUI loads the folder as a package and calls `comfy_entrypoint`. It needs a ComfyUI with the V3 node interface
(``comfy_api.latest``), and lipblend installed in the Python that runs ComfyUI.
"""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from .lipblend_nodes import NODES


class LipblendExtension(ComfyExtension):
    """The pack."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """The three nodes."""
        return list(NODES)


async def comfy_entrypoint() -> LipblendExtension:
    """What ComfyUI calls."""
    return LipblendExtension()
