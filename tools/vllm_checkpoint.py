"""A tiny model of random weights that vLLM serves like any other: `python tools/vllm_checkpoint.py FOLDER`.

It writes noise, at a few milliseconds a token on a processor, which is what tests of a server need: tokens, a
tokenizer, a chat template and a window. Runs inside the environment that tools/vllm_env.sh makes. Nothing is
downloaded: the tokenizer is trained on this project's licence, whose text does not change.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

CORPUS = Path(__file__).resolve().parents[1] / "LICENSE"
WINDOW = 4096
SEED = 20_261
VOCABULARY = 1024
END = "<|im_end|>"
SPECIAL = ("<|endoftext|>", "<|im_start|>", END)
CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Bump it when anything above or below changes what is written.
EDITION = "1"


def main(folder: Path) -> None:
    """Write the checkpoint, unless this edition of it is there already. Written beside, then renamed."""
    stamp = folder / f"edition-{EDITION}"
    if stamp.exists():
        return
    partial = folder.with_name(folder.name + ".partial")
    for stale in (partial, folder):
        shutil.rmtree(stale, ignore_errors=True)
    partial.mkdir(parents=True)
    write_tokenizer(partial)
    write_model(partial)
    (partial / stamp.name).touch()
    partial.rename(folder)


def write_tokenizer(folder: Path) -> None:
    """A byte-level BPE: any text has tokens, and decoding gives it back."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train([str(CORPUS)], trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=SPECIAL[0],
        model_max_length=WINDOW,
        additional_special_tokens=list(SPECIAL),
    )
    wrapped.chat_template = CHATML
    wrapped.save_pretrained(folder)


def write_model(folder: Path) -> None:
    """Two layers of a Llama, 1.6 million weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(SEED)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=WINDOW,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=SPECIAL.index(END),
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    model.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
