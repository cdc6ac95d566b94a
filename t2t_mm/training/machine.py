"""What of this machine a training uses: GPUs and threads. TensorFlow is imported when it is set."""

from __future__ import annotations

from dataclasses import dataclass

from t2t_mm.errors import UserError


@dataclass(frozen=True)
class Machine:
    """The part of a machine that is used; it can be set before TensorFlow has run anything.

    Attributes:
      gpus: the first of those that are visible; 0: none; None: all. One may be asked for where
        there is none: then the processor does the work.
      inter_op_threads: operations at a time; 0: TensorFlow's own choice.
      intra_op_threads: threads of an operation; 0: TensorFlow's own choice.
      log_device_placement: print where each operation runs.
    """

    gpus: int | None = None
    inter_op_threads: int = 0
    intra_op_threads: int = 0
    log_device_placement: bool = False

    def apply(self) -> None:
        """Sets it.

        Raises:
          UserError: for more GPUs than there are, a negative number, or if TensorFlow runs already.
        """
        if self == WHOLE_MACHINE:
            return
        for flag, number in (
            ("worker_gpu", self.gpus or 0),
            ("inter_op_parallelism_threads", self.inter_op_threads),
            ("intra_op_parallelism_threads", self.intra_op_threads),
        ):
            if number < 0:
                raise UserError(f"--{flag} must be 0 or more, got {number}.")
        import tensorflow as tf

        try:
            if self.gpus is not None:
                there = tf.config.list_physical_devices("GPU")
                if self.gpus > max(1, len(there)):
                    raise UserError(
                        f"--worker_gpu={self.gpus}: {len(there)} can be seen here; give at most "
                        "that many, or leave --worker_gpu out to use all."
                    )
                tf.config.set_visible_devices(there[: self.gpus], "GPU")
            tf.config.threading.set_inter_op_parallelism_threads(self.inter_op_threads)
            tf.config.threading.set_intra_op_parallelism_threads(self.intra_op_threads)
        except RuntimeError as cause:
            raise UserError(
                "the GPUs and threads of a process can be chosen before TensorFlow has run "
                f"anything, and it has ({cause}); choose them in a new process."
            ) from None
        tf.debugging.set_log_device_placement(self.log_device_placement)


WHOLE_MACHINE = Machine()
