"""Rows of a matrix, shared out among devices: of one process, or of several."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from sklearn.utils import check_random_state

from skbss._runtime.loop import fetch
from skbss._runtime.row_streams import in_memory

# The axis of the devices.
AXIS = "rows"
# What is read from a memory-mapped file at once.
_BYTES_PER_BLOCK = 1 << 23


class ShardedRows:
    """A matrix whose rows are shared out among devices, as `skbss.shard_rows` makes it.

    JAX cuts an array into parts of one size. Where the number of rows is no multiple of that of
    the devices, rows of zeros fill up the last part; they are no rows of the matrix, and no
    estimator counts them as such.

    Attributes
    ----------
    array : jax.Array of shape (n_rows + n_filled, n_columns)
        The rows in their order, and those that fill up.
    n_rows, n_filled : int
        The numbers of both.
    shape : tuple of int
        ``(n_rows, n_columns)``.
    dtype : dtype
        Of the entries.
    """

    ndim = 2

    def __init__(self, array: jax.Array, n_rows: int, *, made_here: bool = True):
        self.array, self.n_rows = array, n_rows
        # What the user gave as an array of JAX is to come back as one.
        self._made_here = made_here

    def __repr__(self):
        return (
            f"ShardedRows(shape={self.shape}, dtype={self.dtype}, n_devices={self.mesh.size}, "
            f"n_filled={self.n_filled})"
        )

    def __len__(self):
        return self.n_rows

    def __array__(self, dtype=None, copy=None):
        """All rows on the host.

        In a program of several processes each of them has to ask for it, and all get all rows.
        """
        return np.array(fetch(self.array)[: self.n_rows], dtype=dtype, copy=copy)

    def __getitem__(self, rows: slice) -> jax.Array:
        """Some rows, as an array on one device of this process."""
        if not isinstance(rows, slice):
            raise TypeError(
                f"Only slices of rows can be taken, got {rows!r}: use .array, or np.asarray."
            )
        start, stop, step = rows.indices(self.n_rows)
        return on_one_device(self.array[start:stop:step], self.mesh)

    @property
    def shape(self) -> tuple[int, int]:
        """Without what fills up."""
        return self.n_rows, self.array.shape[1]

    @property
    def dtype(self):
        """That of the array."""
        return self.array.dtype

    @property
    def n_filled(self) -> int:
        """How many rows fill up."""
        return self.array.shape[0] - self.n_rows

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.n_rows * self.array.shape[1]

    @property
    def sharding(self) -> NamedSharding:
        """That of the array."""
        sharding = self.array.sharding
        assert isinstance(sharding, NamedSharding)
        return sharding

    @property
    def mesh(self) -> Mesh:
        """The devices in the order of the rows, along one axis."""
        return self.sharding.mesh  # type: ignore[return-value]

    def devices(self) -> set[Any]:
        """Where the rows lie."""
        return self.array.devices()

    def astype(self, dtype: Any, copy: bool = True) -> ShardedRows:
        """In another precision."""
        return self.holding(self.array.astype(dtype))

    def local(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows that lie on devices of this process.

        Returns
        -------
        places : int ndarray of shape (n_local,)
            Which rows of the matrix they are.
        rows : ndarray of shape (n_local, n_columns)
            On the host.
        """
        parts = sorted(
            ((shard.index[0].indices(len(self.array))[0], shard.data) for shard in self._shards),
            key=lambda part: part[0],
        )
        places = [np.arange(start, start + len(data)) for start, data in parts]
        joined = np.concatenate(places)
        rows = np.concatenate([np.asarray(data) for _, data in parts])
        return joined[joined < self.n_rows], rows[joined < self.n_rows]

    def holding(self, array: jax.Array) -> ShardedRows:
        """Another array with the same rows."""
        return ShardedRows(array, self.n_rows, made_here=self._made_here)

    def given_back(self, array: jax.Array) -> Any:
        """What the user is given for an array with an entry for every row, and what fills up."""
        if self._made_here:
            return self.holding(array)
        return array if array.shape[0] == self.n_rows else array[: self.n_rows]

    @property
    def are_rows(self) -> np.ndarray:
        """Which rows of the array are rows of the matrix, in a column."""
        return np.arange(self.array.shape[0])[:, None] < self.n_rows

    def placed(self, A: Any, dtype: Any = None) -> jax.Array:
        """An array with an entry for every row, beside them; zeros for those that fill up.

        Parameters
        ----------
        A : array of shape (n_rows, ...) or (n_rows + n_filled, ...)
            NumPy or JAX, the same in all processes.
        dtype : dtype, optional
            Of the result.
        """
        return placed(A, self.mesh, self.array.shape[0], dtype)

    @property
    def _shards(self):
        return self.array.addressable_shards


def shard_rows(X: Any, devices: Sequence[Any] | None = None) -> ShardedRows:
    """Share out the rows of a matrix among devices, for data that one device can not hold.

    Every factorization that learns from all rows at once takes the result in the place of X, as
    do ``transform`` and ``score``. Each device then works on rows of its own; what they have to
    tell each other in an iteration is as large as the components, however many rows there are. The
    results are those of the same data on one device, to rounding.

    In a program of several processes (``jax.distributed``), every process calls this with the same
    X, of which it reads the rows of its own devices alone.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_columns)
        NumPy, memory-mapped, JAX or whatever NumPy makes a dense matrix of. A memory-mapped file is
        read block by block; beside what is on the devices, the host holds the rows of one of them
        at a time. float32 and float64 stay what they are (float64 needs ``jax_enable_x64``), all
        else becomes the latter.
    devices : sequence of jax.Device, default=None
        Who shares, in the order of the rows. None for all devices of all processes.

    Returns
    -------
    rows : ShardedRows
        With the rows in ``rows.array``, a `jax.Array` that rows of zeros fill up where their number
        is no multiple of that of the devices. No estimator counts these: what it has for every
        row, it returns as a `ShardedRows` again, of which ``np.asarray`` makes an array of
        ``n_rows`` rows and ``.local()`` the numbers and the rows of this process.

    Raises
    ------
    ValueError
        If X has not two axes, or no rows or columns; if it is complex; if `devices` are none,
        twice the same, or not all there are in a program of several processes, where everyone has
        to take part.
    TypeError
        If X is sparse, or no matrix of numbers.

    See Also
    --------
    skbss.MiniBatchBetaNMF : Learns from data on disk with one device.

    Notes
    -----
    Nothing is moved where X is an array of JAX whose rows are shared out like that already. Such an
    array can also be given to estimators as it is.

    Examples
    --------
    >>> import numpy as np
    >>> import skbss
    >>> X = np.random.default_rng(0).random((1001, 20), dtype=np.float32)
    >>> rows = skbss.shard_rows(X)
    >>> rows.shape
    (1001, 20)
    >>> model = skbss.BetaNMF(3, random_state=0, tol=1e-3).fit(rows)
    >>> W = model.transform(rows)
    >>> np.asarray(W).shape, model.components_.shape
    ((1001, 3), (3, 20))
    """
    if isinstance(X, ShardedRows):
        X = X.array[: X.n_rows] if X.n_filled else X.array
    if sp.issparse(X):
        raise TypeError("X must be dense to be shared out among devices, got a sparse matrix.")
    X = X if isinstance(X, jax.Array | np.ndarray) else np.asarray(X)
    if X.ndim != 2 or 0 in X.shape:
        raise ValueError(
            "X must be a matrix of shape (n_rows, n_columns) with one row and one column at least, "
            f"got shape {X.shape}."
        )
    if jnp.issubdtype(X.dtype, jnp.complexfloating):
        raise ValueError(f"X must be real, got complex numbers of dtype {X.dtype}.")
    if not (jnp.issubdtype(X.dtype, jnp.number) or X.dtype == bool):
        raise TypeError(f"X must be a matrix of numbers, got dtype {X.dtype}.")
    dtype = np.dtype(X.dtype if X.dtype in (np.float32, np.float64) else np.float64)
    if dtype == np.float64 and not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
        raise ValueError(
            f"X of dtype {X.dtype} would be shared out as float64, which JAX holds only after "
            "jax.config.update('jax_enable_x64', True): call that first, or give "
            "X.astype(np.float32)."
        )
    mesh = _mesh_of(devices)
    n_filled = -X.shape[0] % mesh.size
    return ShardedRows(placed(X, mesh, X.shape[0] + n_filled, dtype), X.shape[0])


def with_shared_rows(X: jax.Array) -> ShardedRows | None:
    """An array of JAX as `ShardedRows`; None where its rows are not shared out among devices."""
    sharding = X.sharding
    if X.ndim != 2 or len(sharding.device_set) == 1 or sharding.is_fully_replicated:
        return None
    firsts = {
        index[0].indices(X.shape[0])[0]: device
        for device, index in sharding.devices_indices_map(X.shape).items()
    }
    whole = all(
        len(range(*index[1].indices(X.shape[1]))) == X.shape[1]
        for index in sharding.devices_indices_map(X.shape).values()
    )
    if whole and len(firsts) == len(sharding.device_set):
        ordered = [firsts[first] for first in sorted(firsts)]
    else:
        # Columns are shared out, or some rows are there several times.
        ordered = sorted(
            sharding.device_set,
            key=lambda device: device.id,  # type: ignore[attr-defined]
        )
    mesh = Mesh(np.array(ordered), (AXIS,))
    n_filled = -X.shape[0] % mesh.size
    array = placed(X, mesh, X.shape[0] + n_filled)
    return ShardedRows(array, X.shape[0], made_here=False)


def on_one_device(A: Any, mesh: Mesh) -> jax.Array:
    """An array on the first of the devices that belong to this process.

    Parameters
    ----------
    A : jax.Array
        Wherever it lies on devices of the mesh.
    mesh : Mesh
        The devices.
    """
    if not A.is_fully_addressable:
        A = fetch(A)
    return jax.device_put(A, next(d for d in mesh.devices.flat if d in mesh.local_devices))


def gathered(X: ShardedRows) -> jax.Array:
    """All rows on one device of this process."""
    # Cut there: a part of rows that are shared out would be put on every device.
    return on_one_device(X.array, X.mesh)[: X.n_rows]


def placed(A: Any, mesh: Mesh, n_rows: int, dtype: Any = None) -> jax.Array:
    """An array whose rows are shared out among the devices of a mesh, with zeros up to `n_rows`.

    Parameters
    ----------
    A : array of shape (at most n_rows, ...)
        NumPy or JAX.
    mesh : Mesh
        The devices, along one axis.
    n_rows : int
        A multiple of their number.
    dtype : dtype, optional
        Of the result.
    """
    sharding = NamedSharding(mesh, PartitionSpec(AXIS))
    if isinstance(A, jax.Array):
        A = A if dtype is None else A.astype(dtype)
        if A.sharding.device_set == set(mesh.devices.flat):
            if A.shape[0] == n_rows and sharding.is_equivalent_to(A.sharding, A.ndim):
                return jax.device_put(A, sharding)
            return _filled_up(A, n_rows=n_rows, sharding=sharding)
        A = fetch(A)
    shape, dtype = (n_rows, *A.shape[1:]), A.dtype if dtype is None else dtype
    # One after the other: the host holds the rows of one device at a time.
    own: Any = sharding.addressable_devices_indices_map(shape)
    parts = [
        jax.device_put(_read(A, rows[0], n_rows, dtype), device).block_until_ready()
        for device, rows in own.items()
    ]
    return jax.make_array_from_single_device_arrays(shape, sharding, parts)


def agreed_seed(X: Any, random_state: Any) -> Any:
    """A seed that is the same in all processes which share the rows of X.

    Parameters
    ----------
    X : object
        The data.
    random_state : int, RandomState instance or None
        As given by the user, who seeds a generator alike everywhere. None would stand for another
        seed in every process: they take that of the first one.
    """
    alone = not isinstance(X, ShardedRows) or X.array.is_fully_addressable
    if alone or random_state is not None:
        return random_state
    drawn = check_random_state(None).randint(2**31 - 1)
    return int(multihost_utils.broadcast_one_to_all(np.int32(drawn)))


def replicated(A: Any, mesh: Mesh) -> jax.Array:
    """A small array, the same in all processes, on all devices of a mesh."""
    host = np.asarray(A)
    sharding = NamedSharding(mesh, PartitionSpec())
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def _mesh_of(devices):
    devices = jax.devices() if devices is None else list(devices)
    if not devices or not all(isinstance(device, jax.Device) for device in devices):
        raise ValueError(f"devices must be a sequence of devices of JAX, got {devices!r}.")
    if len(set(devices)) < len(devices):
        raise ValueError(f"devices must be different from each other, got {devices!r}.")
    missing = set(range(jax.process_count())) - {device.process_index for device in devices}
    if missing:
        raise ValueError(
            f"devices must be some of every process, got none of process {min(missing)}: each has "
            "to take part, or would wait for the others."
        )
    return Mesh(np.array(devices), (AXIS,))


def _read(A, rows, n_rows, dtype):
    """Rows of an array on the host, and zeros after its last one."""
    start, stop, _ = rows.indices(n_rows)
    if not isinstance(A, np.memmap) and stop <= len(A) and A.dtype == dtype:
        return A[start:stop]
    out = np.zeros((stop - start, *A.shape[1:]), dtype)
    height = max(1, _BYTES_PER_BLOCK // max(1, A[:1].nbytes))
    for first in range(start, min(stop, len(A)), height):
        last = min(first + height, stop, len(A))
        out[first - start : last - start] = in_memory(A[first:last])
    return out


@partial(jax.jit, static_argnames=("n_rows", "sharding"))
def _filled_up(A, *, n_rows, sharding):
    missing = [(0, n_rows - A.shape[0])] + [(0, 0)] * (A.ndim - 1)
    return jax.lax.with_sharding_constraint(jnp.pad(A, missing), sharding)
