"""Take a model away: weights that plain PyTorch loads, with a model card beside them."""

from .safetensors import ExportError, export_safetensors

__all__ = ["ExportError", "export_safetensors"]
