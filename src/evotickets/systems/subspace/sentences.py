"""A model of language that tells texts apart: an encoder of Hugging Face, the mean over tokens, and one dense layer."""

import torch
from torch import nn

from evotickets import extras
from evotickets.tasks.files import resource


class Sentences(nn.Module):
    """An encoder whose features, mean over tokens and standardised, a head reads; at first the head says nothing.

    Source: Reimers & Gurevych (2019), "Sentence-BERT", mean pooling.
    Deviates: features are standardised, so that steps of one length suit the heads of all encoders.
    """

    def __init__(self, folder: str, classes: int = 2, layers: int = 0):
        """Read an encoder.

        Args:
            folder: that holds its config.json and model.safetensors: in the folder of data, by its whole path, or in an
                installed package that it begins with.
            classes: of the texts.
            layers: how many of the encoder's last layers are free to be tuned beside the head.

        Raises:
            MissingError: if transformers is not installed.
            FileNotFoundError: if the folder is nowhere.
            ValueError: if the encoder has fewer layers.
        """
        super().__init__()
        extras.require("Sentences", "transformers")
        from transformers import AutoModel
        from transformers.utils import logging

        path = str(resource(folder))
        logging.disable_progress_bar()
        self.encoder = AutoModel.from_pretrained(path, local_files_only=True, use_safetensors=True, dtype=torch.float32)
        self.encoder.requires_grad_(False)
        if hasattr(self.encoder, "pooler"):
            # It reads the first token alone, and nothing of it is asked for.
            self.encoder.pooler = None
        blocks = self.encoder.encoder.layer
        if layers > len(blocks):
            raise ValueError(f"the encoder has {len(blocks)} layers, of which {layers} cannot be tuned: lower layers")
        for block in list(blocks)[len(blocks) - layers :]:
            block.requires_grad_(True)
        self.head = nn.Linear(self.encoder.config.hidden_size, classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return logits [B, O] of tokens and their mask [B, tokens]."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        there = attention_mask[..., None].to(states.dtype)
        features = (states * there).sum(1) / there.sum(1).clamp(min=1)
        return self.head(nn.functional.layer_norm(features, features.shape[-1:]))
