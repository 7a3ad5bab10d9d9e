"""One data2vec training step in PyTorch, as the peer that `make bench` and `make bench-gpu` compare with.

A step is: teacher forward, student forward and backward, clipping, AdamW, averaging of the teacher.
The model is that of models/lib/vit.d2v with the sizes of a spec (SPECS below). Variants:

  published   as the original implementation runs it: explicit attention, teacher in f32 outside
              autocast, default AdamW, teacher averaged tensor by tensor, the loss read every step
  tuned       what a careful user changes: scaled_dot_product_attention with the bias as its mask,
              teacher inside autocast and only the blocks wanted kept, fused AdamW, averaging in one
              foreach call, the head on the masked patches by position
  compiled    tuned, with torch.compile on the teacher's and the student's functions
  blocks      tuned, with torch.compile on each block: all of them share what one compiles, so that this is ready in
              a fraction of the time (what PyTorch calls regional compilation)

Alone it prints one line of JSON when loaded and one after a first step (which compiles), then reads
numbers, one a line: it runs so many steps and prints a line of JSON with the milliseconds of each,
like `d2v bench --on-request`. Random images and a fixed mask: the speed of loading is not measured.
On a GPU (--device cuda) `published` also waits for the device after every step, as the original does; `tuned`
tries its own attention and each of scaled_dot_product_attention's that takes a bias, keeps the fastest, and allows
TF32; `compiled` uses mode max-autotune, `blocks` the same without recording CUDA graphs, which would be one for each block. Refuses a precision other than f32 and bf16.
"""
import argparse
import copy
import json
import math
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

# What the specs say; bench.py compares the number of parameters and the batch with d2v's.
SPECS = {
    "fashion": dict(patch=7, grid=4, channels=1, width=128, heads=4, depth=4, batch=64, masked=8,
                    average=4, drop=0.0, path=0.0, scale=0.05, over="patches", ema=0.995),
    "vit_base": dict(patch=16, grid=14, channels=3, width=768, heads=12, depth=12, batch=128,
                     masked=120, average=6, drop=0.05, path=0.25, scale=1e-4, over="width", ema=0.9998),
    "vit_large": dict(patch=16, grid=14, channels=3, width=1024, heads=16, depth=24, batch=64,
                      masked=120, average=6, drop=0.15, path=0.2, scale=1e-5, over="width", ema=0.9998),
}


def flops(spec, batch):
    """Work of a step in its matrix products: 2 a multiply-add, backward twice the forward, the
    teacher once, no gradient for the image; the head on masked patches only. Nothing else counts."""
    s = SPECS[spec]
    patches, width = s["grid"] ** 2, s["width"]
    tokens = patches + 1
    block = 2 * tokens * 12 * width**2 + 4 * tokens**2 * width
    embed = 2 * patches * s["channels"] * s["patch"] ** 2 * width
    head = 2 * s["masked"] * width**2
    teacher = s["depth"] * block + embed
    student = 3 * s["depth"] * block + 2 * embed + 3 * head
    return batch * (teacher + student)


def offsets(grid):
    """Row of the position table for each pair of tokens; the last three rows are the class token's."""
    side = 2 * grid - 1
    row = torch.arange(grid).repeat_interleave(grid)
    col = torch.arange(grid).repeat(grid)
    index = torch.full((grid * grid + 1, grid * grid + 1), side * side)
    index[1:, 1:] = (row[:, None] - row + grid - 1) * side + col[:, None] - col + grid - 1
    index[1:, 0] = side * side + 1
    index[0, 0] = side * side + 2
    return index


def drop_path(x, rate, training):
    if not training or isinstance(rate, float) and rate == 0:
        return x
    keep = 1 - rate
    return x / keep * (torch.rand(x.shape[0], 1, 1, device=x.device) + keep).floor()


class Attention(nn.Module):
    def __init__(self, width, heads, drop, fused):
        super().__init__()
        self.heads, self.drop, self.fused = heads, drop, fused
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))
        self.proj = nn.Linear(width, width)

    def forward(self, x, bias):
        b, t, w = x.shape
        biases = torch.cat((self.q_bias, torch.zeros_like(self.q_bias), self.v_bias))
        qkv = F.linear(x, self.qkv.weight, biases).view(b, t, 3, self.heads, w // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        if self.fused:
            rate = self.drop if self.training else 0.0
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype), dropout_p=rate)
        else:
            scores = (q * (w // self.heads) ** -0.5) @ k.transpose(-2, -1) + bias
            y = F.dropout(scores.softmax(-1), self.drop, self.training) @ v
        return self.proj(y.transpose(1, 2).reshape(b, t, w))


class Block(nn.Module):
    def __init__(self, s, layer, fused):
        super().__init__()
        width = s["width"]
        self.path = s["path"] * layer / max(1, s["depth"] - 1)
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, s["heads"], s["drop"], fused)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale1 = nn.Parameter(torch.full((width,), s["scale"]))
        self.scale2 = nn.Parameter(torch.full((width,), s["scale"]))

    def forward(self, x, bias):
        x = x + drop_path(self.scale1 * self.attention(self.norm1(x), bias), self.path, self.training)
        y = self.down(F.gelu(self.up(self.norm2(x))))
        return x + drop_path(self.scale2 * y, self.path, self.training)


class Encoder(nn.Module):
    def __init__(self, s, fused):
        super().__init__()
        width = s["width"]
        self.patch = nn.Conv2d(s["channels"], width, s["patch"], s["patch"])
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.hole = nn.Parameter(torch.zeros(1, 1, width))
        index = offsets(s["grid"])
        self.register_buffer("index", index, persistent=False)
        self.offset = nn.Parameter(torch.zeros(int(index.max()) + 1, s["heads"]))
        self.blocks = nn.ModuleList(Block(s, l, fused) for l in range(s["depth"]))
        self.last = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, width)
        for name, p in self.named_parameters():
            if p.dim() > 1 and name != "offset":
                nn.init.trunc_normal_(p, std=0.02, a=-0.02, b=0.02)
            elif name.endswith(".bias"):
                nn.init.zeros_(p)
        for layer, block in enumerate(self.blocks):
            for p in (block.attention.proj.weight, block.down.weight):
                p.data /= math.sqrt(2 * (layer + 1))

    def start(self, image, mask):
        x = self.patch(image).flatten(2).transpose(1, 2)
        if mask is not None:
            w = mask.unsqueeze(-1).type_as(x)
            x = x * (1 - w) + self.hole * w
        bias = self.offset[self.index].permute(2, 0, 1).unsqueeze(0).contiguous()
        return torch.cat((self.cls.expand(x.shape[0], -1, -1).to(x.dtype), x), 1), bias

    def states(self, image, keep):
        """Patches after each of the last `keep` blocks."""
        x, bias = self.start(image, None)
        kept = []
        for layer, block in enumerate(self.blocks):
            x = block(x, bias)
            if layer >= len(self.blocks) - keep:
                kept.append(x[:, 1:])
        return kept

    def predict(self, image, mask, at):
        x, bias = self.start(image, mask)
        for block in self.blocks:
            x = block(x, bias)
        x = self.last(x)[:, 1:]
        return self.head(x[mask] if at is None else x.flatten(0, 1).index_select(0, at))


def standardise(x, over):
    """Norm of each patch over the width, or of each channel over an image's patches."""
    if over == "width":
        return F.layer_norm(x.float(), x.shape[-1:])
    return F.instance_norm(x.float().transpose(1, 2)).transpose(1, 2)


def block_masks(batch, grid, quota, generator):
    """A rectangle, then single cells up to the quota: the mask's form does not matter for speed."""
    masks = torch.zeros(batch, grid, grid, dtype=torch.bool)
    side = max(1, int(math.sqrt(quota)))
    for m in masks:
        y, x = (int(torch.randint(grid - side + 1, (1,), generator=generator)) for _ in range(2))
        m[y:y + side, x:x + side] = True
        free = (~m.flatten()).nonzero().flatten()
        pick = free[torch.randperm(len(free), generator=generator)[: quota - int(m.sum())]]
        m.view(-1)[pick] = True
    return masks.flatten(1)


class Step:
    def __init__(self, spec, batch, precision, variant, device="cpu"):
        s = self.s = SPECS[spec]
        self.device, self.variant = device, variant
        generator = torch.Generator().manual_seed(0)
        side = s["grid"] * s["patch"]
        self.tuned = variant != "published"
        self.bf16 = precision == "bf16"
        self.image = (torch.rand(batch, s["channels"], side, side, generator=generator) * 4 - 2).to(device)
        self.mask = block_masks(batch, s["grid"], s["masked"], generator).to(device)
        self.at = self.mask.flatten().nonzero().flatten() if self.tuned else None
        self.student = Encoder(s, self.tuned).to(device).train()
        self.teacher = copy.deepcopy(self.student).eval().requires_grad_(False)
        named = list(self.student.named_parameters())
        plain = [p for n, p in named if p.dim() < 2 or n == "cls"]
        decayed = [p for n, p in named if not (p.dim() < 2 or n == "cls")]
        groups = [dict(params=decayed, weight_decay=0.05), dict(params=plain, weight_decay=0.0)]
        self.optimiser = torch.optim.AdamW(groups, lr=1e-3, eps=1e-8, **(dict(fused=True) if self.tuned else {}))
        self.pairs = list(self.teacher.parameters()), list(self.student.parameters())
        self.targets_of, self.loss_of = self.targets, self.loss
        if variant == "compiled":
            mode = dict(mode="max-autotune") if device == "cuda" else {}
            self.targets_of, self.loss_of = torch.compile(self.targets, **mode), torch.compile(self.loss, **mode)
        if variant == "blocks":
            mode = dict(mode="max-autotune-no-cudagraphs") if device == "cuda" else {}
            for block in [*self.student.blocks, *self.teacher.blocks]:
                # A number that differs from block to block would be a constant, and each block compiled anew.
                block.path = torch.tensor(block.path, device=device)
                block.compile(**mode)
        self.parameters = sum(p.numel() for p in self.student.parameters())

    def autocast(self, wanted):
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=wanted)

    def targets(self, image, mask, at):
        s = self.s
        with self.autocast(self.bf16 and self.tuned):
            states = self.teacher.states(image, s["average"] if self.tuned else s["depth"])
        states = [standardise(z, s["over"]) for z in states[-s["average"]:]]
        y = standardise(sum(states) / len(states), s["over"])
        return y[mask] if at is None else y.flatten(0, 1).index_select(0, at)

    def loss(self, image, mask, at, y):
        with self.autocast(self.bf16):
            e = self.student.predict(image, mask, at)
        return F.smooth_l1_loss(e.float(), y, beta=2.0)

    @torch.no_grad()
    def average(self):
        teacher, student = self.pairs
        decay = self.s["ema"]
        if self.tuned:
            torch._foreach_lerp_(teacher, student, 1 - decay)
            return
        for e, m in zip(teacher, student):
            e.copy_(decay * e + (1 - decay) * m)

    def run(self):
        if self.variant == "compiled" and self.device == "cuda":
            torch.compiler.cudagraph_mark_step_begin()
        with torch.no_grad():
            y = self.targets_of(self.image, self.mask, self.at)
        if self.variant == "compiled" and self.device == "cuda":
            y = y.clone()  # the next function's recording may use the memory again
        loss = self.loss_of(self.image, self.mask, self.at, y)
        if not self.tuned and not math.isfinite(loss.item()):
            raise SystemExit("the loss is not finite")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.pairs[1], 3.0)
        self.optimiser.step()
        self.average()
        if self.device == "cuda" and not self.tuned:
            torch.cuda.synchronize()
        return loss

    def use_fastest_attention(self):
        """Try each way of attention for a few steps; the name of the one that is kept."""
        from torch.nn.attention import SDPBackend, sdpa_kernel

        plain, tried = self.run, {}

        def choose(fused, backends):
            for module in self.student.modules(), self.teacher.modules():
                for m in module:
                    if isinstance(m, Attention):
                        m.fused = fused

            def run():
                with sdpa_kernel(backends):
                    return plain()

            self.run = run if fused else plain

        ways = {"explicit": (False, None), "sdpa": (True, [SDPBackend.CUDNN_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]),
                "sdpa efficient": (True, [SDPBackend.EFFICIENT_ATTENTION]), "sdpa cudnn": (True, [SDPBackend.CUDNN_ATTENTION])}
        for name, way in ways.items():
            choose(*way)
            try:
                self.run()
                torch.cuda.synchronize()
                start = time.perf_counter()
                for _ in range(3):
                    self.run()
                torch.cuda.synchronize()
                tried[name] = time.perf_counter() - start
            except RuntimeError:  # this one does not take the bias, or not its gradient
                torch.cuda.synchronize()
        best = min(tried, key=tried.get)
        choose(*ways[best])
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return best


def say(**what):
    print(json.dumps(what), flush=True)


def memory(device):
    """Peak bytes: of the process on a CPU; on a GPU what tensors took, and what was taken from the driver for them."""
    if device == "cuda":
        return dict(peak_rss_bytes=peak(), gpu_bytes=torch.cuda.max_memory_allocated(), gpu_reserved_bytes=torch.cuda.max_memory_reserved())
    return dict(peak_rss_bytes=peak())


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def times_of(step, n, device):
    """Milliseconds of each step. On a GPU by events between them, so that the host may work ahead."""
    if device == "cuda":
        events = [torch.cuda.Event(enable_timing=True) for _ in range(n + 1)]
        events[0].record()
        for e in events[1:]:
            step.run()
            e.record()
        torch.cuda.synchronize()
        return [a.elapsed_time(b) for a, b in zip(events, events[1:])]
    times = []
    for _ in range(n):
        start = time.perf_counter()
        step.run()
        times.append(1e3 * (time.perf_counter() - start))
    return times


def main():
    o = argparse.ArgumentParser(description="One data2vec step in PyTorch; reads numbers of steps, prints JSON.")
    o.add_argument("spec", choices=SPECS)
    o.add_argument("--batch", type=int, help="images (default: the spec's)")
    o.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    o.add_argument("--variant", choices=("published", "tuned", "compiled", "blocks"), default="tuned")
    o.add_argument("--threads", type=int, default=2)
    o.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    a = o.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    batch = a.batch or SPECS[a.spec]["batch"]
    imported = peak()
    if a.variant != "published":
        torch.set_flush_denormal(True)  # as d2v does: random images make many
    if a.device == "cuda" and a.variant != "published":
        torch.set_float32_matmul_precision("high")
    step = Step(a.spec, batch, a.precision, a.variant, a.device)
    say(loaded=True)
    start = time.perf_counter()
    loss = step.run().item()
    attention = step.use_fastest_attention() if a.device == "cuda" and a.variant == "tuned" else None
    if a.device == "cuda":  # what trying and tuning took is not the step's
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    say(ready=True, spec=a.spec, batch=batch, parameters=step.parameters, torch=torch.__version__, loss=loss,
        first_step_s=time.perf_counter() - start, imported_rss_bytes=imported, attention=attention, **memory(a.device))
    for line in sys.stdin:
        say(ms=times_of(step, int(line), a.device), **memory(a.device))


if __name__ == "__main__":
    main()
