"""Threads, host devices and the compilation cache of a job, and populations spread over devices."""

import hashlib
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import threadpoolctl

from evotickets import jax_import  # noqa: F401 (before JAX)

# isort: split
import jax
import jax.numpy as jnp
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

AXIS = "members"
PROCESSOR = Path("/proc/cpuinfo")
COMPILATION = "--xla_llvm_disable_expensive_passes=true"
"""Saves a fifth of compiling a rollout, and costs nothing that could be measured at run time."""

EMITTERS = "--xla_cpu_use_fusion_emitters=false"
"""Saves two fifths of compiling populations on images, at no cost at run time; rollouts would take half as long again."""

# On CPUs with AVX-512, tanh takes half the time in vectors of this width, a rollout 15 % less; all else is unchanged.
VECTORS = "--xla_cpu_prefer_vector_width=512"

SETTINGS: dict[str, Any] = {
    "jax_enable_x64": False,
    "jax_default_prng_impl": "threefry2x32",
    "jax_threefry_partitionable": True,
    "jax_threefry_gpu_kernel_lowering": False,
    "jax_random_seed_offset": 0,
    "jax_enable_custom_prng": False,
    "jax_high_dynamic_range_gumbel": False,
    "jax_default_matmul_precision": "highest",
    "jax_numpy_dtype_promotion": "standard",
    "jax_numpy_rank_promotion": "allow",
    "jax_softmax_custom_jvp": False,
    "jax_use_direct_linearize": True,
    "jax_disable_jit": False,
    "jax_compiler_enable_remat_pass": True,
    "jax_exec_time_optimization_effort": 0.0,
    "jax_memory_fitting_effort": 0.0,
    "jax_optimization_level": "UNKNOWN",
    "jax_memory_fitting_level": "O2",
}
"""What JAX takes from the environment and what decides numbers, down to their last bits.

The values are JAX's own defaults, but for products: it leaves their precision to the device, and GPUs would take TF32 for
float32. On processors both compute the same bits.
"""

VARIABLES = ("NVIDIA_TF32_OVERRIDE",)
"""What libraries below JAX take from the environment and what decides numbers."""

HARMLESS = ("--xla_dump_", "--xla_gpu_cuda_data_dir")
"""Beginnings of the flags of XLA that a user may set: where things lie, and nothing of what is computed."""


def configure(threads: int, *, rollouts: bool = False, cache: str | Path | None = ".cache/jax") -> None:
    """Give JAX and BLAS this many threads, one host device a thread, and the folder of JAX's compilation cache.

    `rollouts` has it compile for episodes rather than for data. What the environment says of how numbers are computed is
    overruled, each time with a sentence on stderr: a study and its seed decide the numbers, and nothing else does.

    Call it before the first computation of the process: JAX reads all of it once.

    Raises:
        ValueError: if the number of threads is not positive.
        RuntimeError: if JAX has already computed something.
    """
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
    try:
        jax.config.update("jax_num_cpu_devices", threads)
    except RuntimeError as error:
        raise RuntimeError("configure() must come before the first JAX computation of the process") from error
    for sentence in _overrule([VECTORS, COMPILATION] if rollouts else [VECTORS, COMPILATION, EMITTERS]):
        print(sentence, file=sys.stderr)
    # Each operation remembers the one line that it comes from rather than ten frames: an eighth of compiling a training.
    jax.config.update("jax_traceback_in_locations_limit", 1)
    os.environ["NPROC"] = str(threads)
    threadpoolctl.threadpool_limits(threads)
    if cache is not None:
        # JAX counts the path to what a program is kept by: one path for all links that lead to a folder.
        jax.config.update("jax_compilation_cache_dir", str(Path(cache).resolve() / processor()))
        # By default programs that compile within a second are not kept; a job consists of those.
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _overrule(flags: Sequence[str]) -> list[str]:
    """Set what decides numbers, with these flags for XLA, and return a sentence for everything that was set otherwise."""
    said = []
    for name, value in SETTINGS.items():
        found = getattr(jax.config, name)
        if found != value:
            # None is what nobody has set.
            said += [f"{name.upper()}={found} is overruled by {value}"] if found is not None else []
            jax.config.update(name, value)
    named = [name for name in VARIABLES if name in os.environ]
    said += [f"{name}={os.environ.pop(name)} is overruled" for name in named]
    # Another call of this process may have set ours.
    given = [flag for flag in os.environ.get("XLA_FLAGS", "").split() if flag not in (VECTORS, COMPILATION, EMITTERS)]
    kept = [flag for flag in given if flag.startswith(HARMLESS)]
    said += [f"{flag} in XLA_FLAGS is left out" for flag in given if flag not in kept]
    os.environ["XLA_FLAGS"] = " ".join([*flags, *kept])
    return [f"{sentence}, because it would change results" for sentence in said]


def processor() -> str:
    """Name what the processor of this machine can do, for programs compiled for one that another could not run."""
    lines = PROCESSOR.read_text(encoding="utf-8", errors="replace").splitlines() if PROCESSOR.exists() else []
    # All cores of a machine are alike. Intel and AMD have flags, ARM has features.
    abilities = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    return f"{platform.machine()}-{hashlib.sha256(abilities.encode()).hexdigest()[:8]}"


@contextmanager
def promoting() -> Iterator[None]:
    """Let types and ranks promote as they do by default: the tests forbid it, which evosax, gymnax and optax rely on."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def mesh() -> Mesh | None:
    """Return all devices in a row, for `over_devices`; nothing where there is only one."""
    count = jax.device_count()
    return jax.make_mesh((count,), (AXIS,), axis_types=(AxisType.Auto,)) if count > 1 else None


def over_devices(function: Callable[..., Any], mesh: Mesh | None) -> Callable[..., Any]:
    """Spread `function(members, *shared)` over the devices of a mesh with one axis, on the leading axis P of `members`.

    `members` is a pytree whose leaves, like those of the result, have the leading axis P; members must not depend on
    each other. `shared` goes to every device whole, and everything traced that the function needs must be among it.
    Without a mesh the function is returned as it is.
    """
    if mesh is None:
        return function
    (axis,) = mesh.axis_names

    def distributed(members: Any, *shared: Any) -> Any:
        count = jax.tree.leaves(members)[0].shape[0]
        # Every device takes equally many members: repeat the last one to fill up.
        filled = jnp.minimum(jnp.arange(-(-count // mesh.size) * mesh.size), count - 1)
        specs = (PartitionSpec(axis), *(PartitionSpec() for _ in shared))
        parallel = jax.shard_map(function, mesh=mesh, in_specs=specs, out_specs=PartitionSpec(axis), check_vma=False)
        if len(filled) > count:
            members = jax.tree.map(lambda leaf: leaf[filled], members)
        # What comes before and after stays whole on every device: spread, an update of the means would pass the
        # members around.
        whole = NamedSharding(mesh, PartitionSpec())
        members = jax.lax.with_sharding_constraint(members, whole)
        found = parallel(members, *shared)
        return jax.tree.map(lambda leaf: leaf[:count], jax.lax.with_sharding_constraint(found, whole))

    return distributed
